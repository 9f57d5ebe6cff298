"""Whole paths over the running cluster."""
