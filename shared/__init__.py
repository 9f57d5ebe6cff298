"""What every service stands on: settings, data, messages between services. Imports no service."""
