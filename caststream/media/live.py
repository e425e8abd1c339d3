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
_IDLE = 0.3
"""Seconds for which there is nothing to take before a sender counts as read to its end."""
_PACE = 1.5
"""Times as fast as it was made a playlist's segment is taken: it comes whole, and is through before
the next one comes."""


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

    def look(self, seconds: float, now: float, key: bool, idle: float = 0.0) -> float:
        """Take in a packet's own time and the wall clock; returns the delay in seconds.

        ``key`` says whether decoding may begin with it. ``idle`` are the seconds for which there
        was nothing to take: what comes then is in time, though it may have been made a segment ago.
        """
        before, then = self._last
        self._last = seconds, now
        leaps = abs((seconds - before) - (now - then)) > _LEAP
        if self._least is None or leaps or idle > _IDLE:
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


class Pace:
    """Spreads out what comes in bursts: a playlist gives a segment of many seconds at once.

    Taken as fast as it can be decoded, most of it would be too much for what comes after, and then
    nothing would come for seconds.
    """

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        """Its own time and the wall clock's of the packet that all are counted from."""

    def wait(self, seconds: float, now: float, idle: float) -> float:
        """Seconds to wait before the packet of this time is decoded; ``idle`` as for a ``Lag``."""
        if self._began is not None and idle <= _IDLE:
            first, since = self._began
            ahead = since + (seconds - first) / _PACE - now
            if 0.0 < ahead < _LEAP:
                return ahead
        self._began = seconds, now
        return 0.0
