"""Which frames are missing, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["reconnect", "corrupt", "discontinuity", "resized", "dropped"]

_REORDER = 16
"""Most frames that a decoder holds back to put them in order (H.264's and HEVC's limit)."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something is missing or has jumped between two times; ``frames`` is 0 where unknown."""

    reason: Reason
    start: float
    end: float
    frames: int


class Losses:
    """Looks out for missing frames: they are due only when decoders have put frames in order."""

    def __init__(self, step: float, threads: int) -> None:
        """``step`` is the seconds of a frame; each thread of a decoder holds one back."""
        self._step = step
        self._held = _REORDER + threads
        self._due = 0
        """Frames that still have to come until a hole would have shown."""
        self.failed_at: float | None = None
        """When something failed that no hole has explained yet."""
        self._smeared = False

    def suspect(self) -> None:
        """Something may be missing soon."""
        self._due = self._held

    def failed(self, now: float | None) -> None:
        """Something could not be read or decoded after the frame at ``now``."""
        self.suspect()
        if self.failed_at is None:
            self.failed_at = now

    def look(self, smeared: bool, before: float | None, now: float) -> Break | None:
        """Tell a hole in the times, the first smeared picture, or a failure that left neither."""
        was, self._smeared = self._smeared, smeared
        if before is None:
            return None
        hole = self._due > 0 and now - before > 1.5 * self._step
        self._due = max(0, self._due - 1)
        if hole or (smeared and not was):
            return Break("corrupt", before, now, max(0, round((now - before) / self._step) - 1))
        if self.failed_at is not None and not self._due:
            return Break("corrupt", self.failed_at, now, 0)
        return None

    def told(self, reason: Reason) -> None:
        """A break was told: it stands for what failed before it."""
        self.failed_at = None
        if reason != "corrupt":
            self._due = 0
