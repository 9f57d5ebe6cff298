"""How Mailmatic is run: the local cluster, images, the edge and the MTA."""
