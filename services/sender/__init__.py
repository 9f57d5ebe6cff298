"""Claims due emails, renders them, hands them to an SMTP relay and records the outcome."""
