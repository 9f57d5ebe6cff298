"""The REST API: authenticates, validates and writes intent to Postgres. Sends nothing itself."""
