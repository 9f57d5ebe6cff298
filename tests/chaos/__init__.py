"""Chaos at full size: too long for the suite, the same promises."""
