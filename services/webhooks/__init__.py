"""Delivery events of MTAs in; signed events to customers out."""
