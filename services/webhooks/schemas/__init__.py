"""What comes in over HTTP, as marshmallow schemas."""
