"""What the tracker answers with Flask."""
