"""`track`: gives each box a track at once, and refines the shot's tracks when it ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from caststream import messages as m
from caststream.errors import UsageError
from caststream.graph.node import Node

if TYPE_CHECKING:
    from caststream.vision.refine import RefineSettings
    from caststream.vision.tracker import Tracker

HARD_GAPS = ("discontinuity", "resized", "reconnect")
"""Gaps after which places in the picture mean nothing any more, however short."""


class _Row(NamedTuple):
    """One box that waits for its shot's end."""

    frame: int
    time: float
    box: m.F4
    score: float
    online: int
    vector: m.F4
    features: m.F2
    crop: bytes
    blend: bool


class Track(Node):
    """Follows characters through each shot.

    ``memory`` is how long a track waits unseen, in seconds; ``window`` after how many seconds a
    shot that does not end is refined piece by piece, so that memory stays bounded (a track that
    lives on over such an edge goes on under a new id); ``views`` how many crops of each track are
    kept; ``costs`` the model of refinement.
    """

    MOST_ROWS = 20_000
    """Boxes that wait at most; more of them close the window early."""

    def __init__(
        self,
        memory: float = 2.0,
        window: float = 120.0,
        views: int = 12,
        costs: Literal["robust", "cast"] = "robust",
    ) -> None:
        if not memory > 0:
            raise UsageError(f"track: memory has to be over 0 seconds, not {memory}")
        if not window >= 4 * memory:
            raise UsageError(f"track: window has to be 4 times memory at least, not {window} s")
        if views < 1:
            raise UsageError(f"track: views has to be 1 at least, not {views}")
        if costs not in ("robust", "cast"):
            raise UsageError(f'track: costs has to be "robust" or "cast", not "{costs}"')
        self.memory = memory
        self.window = window
        self.views = views
        self.costs = costs
        self._tracker: Tracker | None = None
        self._refining: RefineSettings | None = None
        self._rows: list[_Row] = []
        self._kept: dict[int, _Crops] = {}
        self._taken: set[int] = set()
        self._shot = 0
        self._model = 0

    def open(self, context: m.Context) -> None:
        """Load the compiled kernels' module; their machine code comes from numba's cache."""
        from caststream.vision.refine import RefineSettings

        self._refining = RefineSettings(costs=self.costs)

    def process(self, message: m.Embedded) -> Iterator[m.Tracked | m.Tracks]:
        """Yield the frame with its online tracks, and a window's ``Tracks`` where one is full."""
        source = message.detections.source
        if self._rows and (message.model != self._model or source.shot != self._shot):
            yield from self._end()
        self._model, self._shot = message.model, source.shot
        ids, shown = self._follow(message)
        yield m.Tracked(message, shown)
        self._keep(message, ids)
        if self._rows and (
            source.frame.time - self._rows[0].time > self.window
            or len(self._rows) > self.MOST_ROWS
        ):
            yield from self._close_window(source.frame.time)

    def mark(self, marker: m.Marker) -> Iterator[m.Tracks]:
        """End all tracks where the input jumped further than they can wait."""
        if isinstance(marker, m.Gap) and (
            marker.reason in HARD_GAPS or marker.end - marker.start > self.memory
        ):
            yield from self._end()

    def end_shot(self, end: m.ShotEnd) -> Iterator[m.Tracks]:
        """Yield the shot's refined tracks, if it had any."""
        yield from self._end()

    def end_stream(self, end: m.StreamEnd) -> Iterator[m.Tracks]:
        """Yield what no shot's end has asked for."""
        yield from self._end()

    def close(self) -> None:
        """Forget everything."""
        self._tracker = None
        self._rows, self._kept, self._taken = [], {}, set()

    def _follow(self, message: m.Embedded) -> tuple[m.I8, m.I8]:
        from caststream.vision.tracker import Tracker, TrackerSettings

        found = message.detections
        dim = message.vectors.shape[1]
        if self._tracker is None or self._tracker.dim != dim:
            first = 0 if self._tracker is None else self._tracker.next_id
            self._tracker = Tracker(dim, TrackerSettings(memory=self.memory), first)
        return self._tracker.update(
            found.source.frame.time, found.boxes, found.scores, message.vectors
        )

    def _keep(self, message: m.Embedded, ids: m.I8) -> None:
        found = message.detections
        frame = found.source.frame
        for k in np.flatnonzero(ids >= 0).tolist():
            online = int(ids[k])
            crops = self._kept.setdefault(online, _Crops(2 * self.views))
            self._rows.append(
                _Row(
                    frame.index, frame.time, found.boxes[k].copy(), float(found.scores[k]), online,
                    message.vectors[k].copy(), message.features[k].copy(),
                    encoded(message.crops[k]) if crops.wanted() else b"", found.source.blend,
                )
            )  # fmt: skip
            crops.note(self._rows)

    def _end(self) -> Iterator[m.Tracks]:
        # Ends all tracks: a cut, or the middle of a dissolve, or a jump.
        if self._rows:
            yield from self._give(self._rows, self._refined())
        self._rows, self._kept, self._taken = [], {}, set()
        if self._tracker is not None:
            self._tracker.reset()
