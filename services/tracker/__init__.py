"""Opens, clicks and unsubscribes: what a reader's mail program calls."""
