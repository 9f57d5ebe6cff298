"""What is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Keeping:
    """What is kept, and for how long."""

    keep_bodies_days: int = setting(
        "MAILMATIC_KEEP_BODIES_DAYS",
        90,
        "How long contents and attachments are kept once nothing waits for them; 0: for ever.",
    )
    keep_events_days: int = setting(
        "MAILMATIC_KEEP_EVENTS_DAYS", 400, "How long the events of emails are kept; 0: for ever."
    )
    keep_logs_days: int = setting(
        "MAILMATIC_KEEP_LOGS_DAYS", 400, "How long emails stay in the log; 0: for ever. Statistics stay."
    )
    retention_interval_seconds: float = setting(
        "MAILMATIC_RETENTION_INTERVAL_SECONDS", 6 * 3600.0, "How often what is too old is removed."
    )
    export_keep_seconds: float = setting(
        "MAILMATIC_EXPORT_KEEP_SECONDS", 3 * 86400.0, "How long the file of a report is kept."
    )
    exports_kept: int = setting(
        "MAILMATIC_EXPORTS_KEPT", 20, "Files of reports that an account may have at once; more is 409."
    )
