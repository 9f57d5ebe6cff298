"""What requests and answers look like: one file per routes file. Also the source of the OpenAPI document."""
