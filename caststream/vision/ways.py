"""The boxes of tracks at any time, from those of the few pictures that were analysed."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from caststream.messages import F4, I8

BRIDGE = 1.0
"""Seconds unseen over which a box is still moved in a straight line; further apart, nobody knows
where it was."""


class Ways:
    """The ways of the online tracks of one shot; ``add`` in the order of time."""

    def __init__(self) -> None:
        self._analysed: list[float] = []
        self._times: dict[int, list[float]] = {}
        self._boxes: dict[int, list[F4]] = {}

    def add(self, time: float, tracks: I8, boxes: F4) -> None:
        """Take in one analysed picture: tracks (N,), -1 for none, and boxes (N, 4)."""
        self._analysed.append(time)
        for track, box in zip(tracks.tolist(), boxes, strict=True):
            if track >= 0:
                self._times.setdefault(track, []).append(time)
                self._boxes.setdefault(track, []).append(box)

    def at(self, time: float) -> tuple[list[int], F4]:
        """Tracks that are there at a time, and their boxes (N, 4).

        Between two analysed pictures a box moves in a straight line. One that is not found again
        stays for half the way to the next analysed picture, or where there is none, for good.
        """
        tracks, boxes = [], []
        for track, times in self._times.items():
            box = self._box(times, self._boxes[track], time)
            if box is not None:
                tracks.append(track)
                boxes.append(box)
        return tracks, np.array(boxes, np.float32).reshape(-1, 4)

    def _box(self, times: list[float], boxes: list[F4], time: float) -> F4 | None:
        after = bisect_right(times, time)
        if after < len(times) and after > 0 and times[after] - times[after - 1] <= BRIDGE:
            share = (time - times[after - 1]) / (times[after] - times[after - 1])
            return np.asarray((1 - share) * boxes[after - 1] + share * boxes[after])
        if after > 0 and time <= self._half(times[after - 1], 1):
            return boxes[after - 1]
        if after < len(times) and after > 0 and time >= self._half(times[after], -1):
            return boxes[after]
        return None

    def _half(self, time: float, way: int) -> float:
        """The time half way from an analysed picture to the one after (1) or before it (-1)."""
        place = bisect_right(self._analysed, time) - 1 + way
        if not 0 <= place < len(self._analysed):
            return float("inf") * way
        return (time + self._analysed[place]) / 2
