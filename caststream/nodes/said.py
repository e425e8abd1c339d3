"""What was last said of each track of a source, in a few bytes a track."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import numpy as np

from caststream.messages import I8

TOLD = 20_000
"""So many tracks of a source, at least, are told of when they are labelled anew: a film has fewer,
and a stream of weeks must not remember for ever what it said."""


class Said:
    """Track -> the character that it was last said to be, for the newest tracks of a source."""

    def __init__(self) -> None:
        self._track = array("q")
        """Rising."""
        self._who = array("q")
        """-1 for nobody."""

    def __len__(self) -> int:
        return len(self._track)

    def say(self, track: int, who: int | None) -> None:
        """Note what is said now."""
        place = bisect_left(self._track, track)
        if place == len(self._track) or self._track[place] != track:
            self._track.insert(place, track)
            self._who.insert(place, -1)
        self._who[place] = -1 if who is None else who

    def columns(self) -> tuple[I8, I8]:
        """Tracks (n,) rising, and the character of each (n,), -1 for nobody."""
        return np.array(self._track, np.int64), np.array(self._who, np.int64)

    def everybody(self) -> set[int]:
        """All characters that were said."""
        return set(self._who) - {-1}

    def forget(self) -> set[int]:
        """Let go of the oldest tracks where there are twice as many as have to be kept.

        Returns who they were.
        """
        old = len(self) - TOLD if len(self) > 2 * TOLD else 0
        gone = set(self._who[:old]) - {-1}
        del self._track[:old], self._who[:old]
        return gone
