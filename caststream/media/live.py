"""What live sources ask for: patience with senders that are gone, and not falling behind."""

from __future__ import annotations

import random

from caststream.media.pipes import StopSign

FIRST, LONGEST = 0.5, 30.0
"""Seconds that are waited before a lost source is tried again: at first, and at most."""
_BEHIND, _FAR, _BACK = 0.4, 5.0, 0.1
"""Seconds of delay at which pictures that no other needs are left out, at which everything is up to
the next key picture, and at which all are decoded again."""
_DRIFT = 0.001
"""Seconds a second by which a sender's clock may run slower than ours."""
_LEAP = 10.0
"""Seconds that a clock may leap before the delay is measured afresh."""


class Backoff:
    """Waits ever longer, with jitter, so that a hundred recorders do not knock at one moment."""

    def __init__(self) -> None:
        self._wait = FIRST

    def pause(self, stop: StopSign) -> None:
        """Wait, unless the sign goes up meanwhile; the next time twice as long."""
        stop.wait(None, self._wait * random.uniform(0.5, 1.0))
        self._wait = min(2.0 * self._wait, LONGEST)

    def reset(self) -> None:
        """The source works: begin with a short wait the next time."""
        self._wait = FIRST


class Lag:
    """How late packets are taken, against the most punctual one so far, and what to leave out.

    A sender's clock and ours have no common zero, so the least difference seen stands for being in
    time; it drifts along slowly with clocks that do not run equally fast.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._last = (0.0, 0.0)
        self.thin = False
        """Whether to leave out pictures that no other needs."""
        self.blind = False
        """Whether to leave out everything."""

    def look(self, seconds: float, now: float, key: bool) -> float:
        """Take in a packet's own time and the wall clock; returns the delay in seconds.

        ``key`` says whether decoding may begin with it.
        """
        before, then = self._last
        self._last = seconds, now
        if self._least is None or abs((seconds - before) - (now - then)) > _LEAP:
            self._least = now - seconds
        self._least = min(self._least + _DRIFT * max(0.0, now - then), now - seconds)
        behind = now - seconds - self._least
        if behind > _BEHIND:
            self.thin = True
        elif behind < _BACK:
            self.thin = False
            self.blind = self.blind and not key
        self.blind = self.blind or behind > _FAR
        return behind
