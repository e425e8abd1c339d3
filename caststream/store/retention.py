"""How long crops are kept, as people write it."""

from __future__ import annotations

import re

from caststream.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_keep(text: str) -> float | None:
    """Seconds of ``"30d"``, ``"12h"``, ``"2w"``; None for "" (for ever). Raises UsageError."""
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if not found or not float(found[1]):
        raise UsageError(f'"{text}" is no length of time: write 30d, 12h or 2w, or "" for ever')
    return float(found[1]) * _UNITS[found[2]]
