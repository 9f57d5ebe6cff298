"""SMTP submission (RFC 6409): the same acceptance as the API's, for clients that speak SMTP alone."""
