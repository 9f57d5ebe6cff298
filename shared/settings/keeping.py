"""What is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Keeping:
    """What is kept, and for how long."""

    export_keep_seconds: float = setting(
        "MAILMATIC_EXPORT_KEEP_SECONDS", 3 * 86400.0, "How long the file of a report is kept."
    )
    exports_kept: int = setting(
        "MAILMATIC_EXPORTS_KEPT", 20, "Files of reports that an account may have at once; more is 409."
    )
