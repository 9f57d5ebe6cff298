"""What requests and answers look like: one file per routes file. Also the source of the OpenAPI document."""

from marshmallow import Schema

#: For those who only pass schemas on.
__all__ = ["Schema"]
