"""The whole cluster on one machine without Docker, for `make run` and for the tests."""
