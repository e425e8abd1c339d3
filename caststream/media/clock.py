"""One time that only runs forward, made of presentation times that do not."""

from __future__ import annotations

_BACK = 0.5
"""Seconds by which a frame may be early and still be a mere disorder, not a restart."""
_TICK = 0.001
"""Seconds between two frames whose own times are equal or out of order."""


class Clock:
    """Turns seconds as the container gives them into seconds since the first frame.

    A restart of the clock (a broadcast's wrap, a spliced recording) and a leap forward of more than
    ``leap`` seconds are taken out: time goes on one frame later. Times strictly increase.
    """

    def __init__(self, step: float, leap: float) -> None:
        """``step`` is the time between two frames that is assumed where nothing is known."""
        self.step = step
        self.leap = leap
        self.now: float | None = None
        """Time of the last frame, None before the first."""
        self.raw: float | None = None
        """Its time as the container gave it."""
        self.jumps = 0
        """How many jumps were taken out."""
        self._shift = 0.0

    def place(self, seconds: float | None, waited: float = 0.0) -> tuple[float, bool]:
        """The frame's time, and whether its clock has jumped.

        ``waited`` is how long a live source kept us waiting for it: a clock that ran on meanwhile
        did not leap.
        """
        self.raw = self.raw if seconds is None else seconds
        if self.now is None:
            self._shift = -(seconds or 0.0)
            self.now = 0.0
            return self.now, False
        if seconds is None:
            self.now += self.step
            return self.now, False
        time = seconds + self._shift
        jumped = time < self.now - _BACK or time > self.now + self.leap + waited
        if jumped:
            self.jumps += 1
            time = self.now + self.step
            self._shift = time - seconds
        self.now = max(time, self.now + _TICK)
        return self.now, jumped

    def resume(self, seconds: float | None, pause: float) -> float:
        """The time of the first frame after a break of ``pause`` seconds on the wall."""
        if self.now is None:
            return self.place(seconds)[0]
        self.raw = self.raw if seconds is None else seconds
        self.now += max(self.step, pause)
        self._shift = self.now - (seconds or 0.0)
        return self.now
