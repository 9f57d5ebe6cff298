"""The memory of a process that serves until it is told to stop."""

from __future__ import annotations

import gc


def settle() -> None:
    """Takes all that is loaded by now, which stays anyway, out of the garbage collector's sight.

    Full collections are short from then on, and so is the end of the process, which is one more of them;
    processes that are forked go on sharing what they would else copy by counting it.
    """
    gc.freeze()
