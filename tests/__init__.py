"""Mailmatic's tests."""
