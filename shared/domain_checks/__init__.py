"""What a domain's DNS says about its mail, judged: pure but for `live.py`, which asks."""
