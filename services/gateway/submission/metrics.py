"""What SMTP submission tells Prometheus."""

from __future__ import annotations

from shared.metrics import Counter, Gauge, Histogram

CONNECTIONS = Gauge("mailmatic_submission_connections", "Open connections.")
SESSIONS = Counter("mailmatic_submission_sessions_total", "Sessions that ended.", ["outcome"])
SIGN_INS = Counter("mailmatic_submission_sign_ins_total", "AUTH by outcome.", ["outcome"])
MESSAGES = Counter("mailmatic_submission_messages_total", "Messages after DATA by outcome.", ["outcome"])
SECONDS = Histogram("mailmatic_submission_seconds", "From MAIL to the reply that it is ours.")
READING = Gauge("mailmatic_submission_reading_bytes", "Octets of messages that are being read or stored.")
