"""Files of contacts on their way in."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings.declared import setting


@dataclass(frozen=True)
class Importing:
    """Files of contacts on their way in."""

    import_max_bytes: int = setting(
        "MAILMATIC_IMPORT_MAX_BYTES",
        200 * 1024 * 1024,
        "Largest file of contacts; more is 413. The edge has a limit of its own.",
    )
    import_step_rows: int = setting(
        "MAILMATIC_IMPORT_STEP_ROWS", 10_000, "Rows of a file that are loaded in one transaction."
    )
    import_lease_seconds: float = setting(
        "MAILMATIC_IMPORT_LEASE_SECONDS",
        60.0,
        "How long a worker may take over one such step before another takes the file on.",
    )
