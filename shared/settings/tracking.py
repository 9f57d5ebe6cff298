"""Opens, clicks and unsubscribes."""

from __future__ import annotations

from dataclasses import dataclass

from shared.ip_addresses import Keep
from shared.settings.declared import setting


@dataclass(frozen=True)
class Tracking:
    """Opens, clicks and unsubscribes."""

    track_opens: bool = setting(
        "MAILMATIC_TRACK_OPENS",
        True,
        "on, or off: whether HTML bodies get a pixel where neither the message, its campaign nor its domain "
        "says anything.",
    )
    track_clicks: bool = setting(
        "MAILMATIC_TRACK_CLICKS", True, "The same for links, which then lead over this install."
    )
    track_text_links: bool = setting(
        "MAILMATIC_TRACK_TEXT_LINKS",
        False,
        "on: links in plain text bodies are tracked too, where clicks are. They get long to look at.",
    )
    track_trap: bool = setting(
        "MAILMATIC_TRACK_TRAP",
        False,
        "on: HTML bodies get one more link, which no reader sees: what follows it is a machine. Some filters "
        "dislike hidden links.",
    )
    tracking_domains: bool = setting(
        "MAILMATIC_TRACKING_DOMAINS",
        True,
        "on: mail of a domain whose CNAME links.<domain> is verified has its links there. If "
        "MAILMATIC_PUBLIC_URL is https, the edge must have certificates for these hosts. off: all links are "
        "below MAILMATIC_PUBLIC_URL.",
    )
    track_ip: Keep = setting(
        "MAILMATIC_TRACK_IP",
        Keep("truncated"),
        "What is kept of a reader's address: truncated (IPv4 to /24, IPv6 to /48), full, or off.",
    )
    tracker_spool_bytes: int = setting(
        "MAILMATIC_TRACKER_SPOOL_BYTES",
        1024 * 1024 * 1024,
        "Most that the tracker keeps on disk of what RabbitMQ could not take; what comes after that is "
        "answered, but not recorded.",
    )
