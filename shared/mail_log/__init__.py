"""The log of what was sent: filters, searches and reports, for the API and for the worker of exports."""
