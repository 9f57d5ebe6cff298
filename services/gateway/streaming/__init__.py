"""The streaming process: server-sent events for any number of watchers, in a few threads."""
