"""Alembic migrations, numbered 0001_…; `HEAD` names the newest, so that two branches conflict in git."""
