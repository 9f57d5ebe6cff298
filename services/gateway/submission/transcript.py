"""What was said in a session, for the log when it was refused something. Never a secret, never a message."""

from __future__ import annotations

from collections import deque

_MOST_LINES = 60
_LONGEST = 200

#: Commands whose words may be kept. Anything else may be a password that came a line too late.
_KEPT = frozenset(
    (
        "EHLO",
        "HELO",
        "MAIL",
        "RCPT",
        "DATA",
        "RSET",
        "NOOP",
        "QUIT",
        "STARTTLS",
        "VRFY",
        "EXPN",
        "HELP",
        "BDAT",
    )
)


class Transcript:
    """The last lines of a session."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self.refused = False

    def command(self, line: bytes) -> None:
        """A command of the client."""
        verb, _, rest = line.partition(b" ")
        word = verb.upper().decode("ascii", "replace")
        if word in _KEPT:
            self._keep("C", line.decode("utf-8", "replace"))
        elif word == "AUTH":
            mechanism = rest.split(b" ")[0].decode("ascii", "replace")[:12]
            self._keep("C", f"AUTH {mechanism if mechanism.isalnum() else '?'} [not shown]")
        else:
            self._keep("C", f"[{len(line)} octets that are no command]")

    def secret(self) -> None:
        """A line of the client's that holds a secret."""
        self._keep("C", "[not shown]")

    def message(self, size: int) -> None:
        """A message of the client's."""
        self._keep("C", f"[a message of {size} octets]")

    def reply(self, line: str) -> None:
        """A reply of ours."""
        if line[:1] in "45":
            self.refused = True
        self._keep("S", line)

    def lines(self) -> list[str]:
        """All that is kept, oldest first."""
        return list(self._lines)

    def _keep(self, who: str, text: str) -> None:
        clean = "".join(char if char.isprintable() else "?" for char in text[:_LONGEST])
        self._lines.append(f"{who}: {clean}")
