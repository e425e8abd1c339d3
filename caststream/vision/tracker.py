"""The online tracker: boxes of one frame in, track ids out, at once.

All of a frame's work is one compiled call on arrays that are made beforehand. Parameters are
seconds and relative sizes, so any analysing rate works. What it is made of, and where from:

- One number decides: the log-likelihood ratio of "this box continues that track" against "this
  box is something else", summed over position, size, score and looks, so that a far box with the
  right face and a near box with a doubtful one are weighed on one scale. The spread of a
  prediction is the Kalman filter's own (`kalman`), so the gate widens by itself with the time
  since the last picture: what a low IoU gate (OC-SORT, Cao et al., CVPR 2023, arXiv 2203.14360)
  and widened boxes (C-BIoU, Yang et al., WACV 2023, arXiv 2211.14317) do by hand. Residuals follow
  Student's t, not a Gaussian: drawn poses jump.
- Two predictions compete: the filter's, and the last observation (drawings are held; OC-SORT's
  observation-centric recovery after a gap).
- A second stage offers low-score boxes to tracks that are left over (ByteTrack, Zhang et al.,
  ECCV 2022, arXiv 2110.06864).
- Weak cues: score and height (Hybrid-SORT, Yang et al., AAAI 2024, arXiv 2308.00783).
- Looks: cosine to a running prototype, which trusts sure boxes more (Deep OC-SORT, Maggiolino
  et al., ICIP 2023, arXiv 2302.11813), and to the best of the last few views.
- Boxes that no track took are followed once more by themselves, from a lower score on; they are
  never shown, and at a shot's end `leads` puts them before the track that they lead up to.
- The camera's own motion is told from the pictures (`camera`) and taken out first (``move``).
- What is put out is the matched box, never the filter's state.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from caststream.vision import kalman, track_kernels
from caststream.vision.boxes import iou

F4 = NDArray[np.float32]
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What the tracker believes about motion, looks and scores; order is the kernels'."""

    high: float = 0.25
    """Boxes from this score on take part in the first stage."""
    low: float = 0.1
    """Boxes below are never used."""
    start: float = 0.45
    """Boxes from this score on may start a track."""
    sure: float = 0.5
    """A box from this score on confirms its track at once; others need a second box."""
    memory: float = 4.0
    """Seconds that a track waits unseen before it ends."""
    doubt: float = 0.3
    """Seconds that an unconfirmed track waits."""
    noise: float = 0.08
    """Deviation of a measured centre, in scales (root of the box's area)."""
    size_noise: float = 0.22
    """Deviation of a measured log width or log height."""
    speed: float = 1.5
    """Deviation of speeds, in scales a second."""
    size_speed: float = 1.6
    """Deviation of the change of log sizes a second."""
    fade: float = 1.0
    """Seconds in which a speed fades to a third."""
    size_fade: float = 0.1
    """The same for a change of size: a pose, or somebody who passes in front, and soon over."""
    jump: float = 0.05
    """Deviation of a pose's jump, in scales a root second."""
    held: float = 0.45
    """The same against the last observation, for drawings that are held."""
    gate: float = 3.2
    """Log-likelihood ratio against something new: how rare other boxes are around a track."""
    low_gate: float = 0.75
    """The same for low-score boxes."""
    score_weight: float = 1.0
    """Cost of a score that differs by one from the track's."""
    looks_weight: float = 16.0
    """Cost of a cosine that falls by one."""
    looks_even: float = 0.65
    """Cosine that speaks neither for nor against."""
    looks_most: float = 4.0
    """How much looks can speak for a pair: others may look the same."""
    double: float = 0.75
    """A box with more IoU than this with a tracked one of its frame starts no track."""
    gap_price: float = 0.5
    """Cost of a second unseen."""
    weak: float = 0.45
    """Tracks whose boxes score less than this on average are followed but not shown."""
    still: float = 3.0
    """Cost of a track that moved and now stands where it was last seen."""
    faint: float = 0.25
    """Boxes that no track took are followed by themselves from this score on."""
    faint_double: float = 0.5
    """... unless they double a tracked box of their frame by more IoU than this."""


class Tracker:
    """Follows boxes from frame to frame until ``reset``; ids are never used twice.

    ``dim`` is the length of the looks' vectors, 0 to track by motion alone.
    """

    VIEWS = 4
    """How many past views a track keeps beside its prototype."""
    MOST = 8192
    """Tracks that are waited for at most; while there are so many, no box starts another."""

    def __init__(self, dim: int = 0, settings: TrackerSettings | None = None, first: int = 0):
        self.settings = settings or TrackerSettings()
        self.dim = dim
        self._p = np.array(astuple(self.settings), np.float64)
        self._count = np.array([0, first], np.int64)  # live tracks, next id
        self._time = -np.inf
        self._nothing = np.zeros((0, dim), np.float32)
        self._tracks = self._made(64)
        self._grow_room(64, 64)
        rest = replace(self.settings, start=self.settings.faint)
        self._rest = Tracker(dim, rest) if rest.start < self.settings.start else None

    def _grow_tracks(self, size: int) -> None:
        floats, ints, views = self._tracks
        self._tracks = self._made(size)
        self._tracks[0][: len(floats)] = floats
        self._tracks[1][: len(ints)] = ints
        self._tracks[2][: len(views)] = views

    def _made(self, size: int) -> tuple[NDArray[np.float64], I8, F4]:
        return (
            np.zeros((size, track_kernels.FLOATS)),
            np.zeros((size, track_kernels.INTS), np.int64),
            np.zeros((size, self.VIEWS + 1, self.dim), np.float32),
        )

    def _grow_room(self, tracks: int, boxes: int) -> None:
        # Scratch of one frame, in the order of the kernel's arguments.
        both = max(tracks, boxes)
        self._ids = np.zeros((2, boxes), np.int64)
        self._room = (
            np.zeros((boxes, 5)),
            np.zeros(boxes if self.dim else 0, np.bool_),
            np.zeros(tracks, np.int64),
            np.zeros(boxes, np.int64),
            np.zeros(tracks + 1, np.int64),
            np.zeros(tracks * track_kernels.PAIRS, np.int64),
            np.zeros(tracks * track_kernels.PAIRS),
            np.zeros((2, both), np.int64),
            np.zeros((3, both)),
            np.zeros((4, both), np.int64),
        )

    @property
    def next_id(self) -> int:
        """The id that the next new track will get."""
        return int(self._count[1])

    @property
    def alive(self) -> int:
        """How many tracks are still waited for."""
        return int(self._count[0])

    def ids(self) -> list[int]:
        """Ids of the tracks that are still waited for."""
        ids: list[int] = self._tracks[1][: self.alive, track_kernels.ID].tolist()
        return ids

    def reserve(self) -> int:
        """Take one id out of the tracker's own sequence."""
        self._count[1] += 1
        return int(self._count[1]) - 1

    def reset(self) -> None:
        """End all tracks, as at a cut."""
        self._count[0] = 0
        self._time = -np.inf
        if self._rest is not None:
            self._rest.reset()

    def move(self, x: float, y: float, zoom: float, middle: tuple[float, float]) -> None:
        """Move all tracks as the camera moved what it shows, before the next ``update``.

        A place ``p`` goes to ``middle + (p - middle) * exp(zoom) + (x, y)``, all in pixels.
        """
        grow = math.exp(zoom)
        live = self._tracks[0][: self.alive]
        for first in (kalman.POS, track_kernels.LAST):
            place = live[:, first : first + 4]
            place[:, :2] = (place[:, :2] - middle) * grow + middle + (x, y)
            place[:, 2:] += zoom
        live[:, kalman.VEL : kalman.VEL + 2] *= grow
        live[:, track_kernels.SCALE] *= grow
        if self._rest is not None:
            self._rest.move(x, y, zoom, middle)

    def update(
        self,
        time: float,
        boxes: F4,
        scores: F4,
        vectors: F4 | None = None,
    ) -> tuple[I8, I8]:
        """Follow all tracks into the frame at ``time`` seconds.

        ``boxes`` (N, 4), ``scores`` (N,), ``vectors`` (N, dim) unit rows (zero rows say nothing).
        Gives the track id of each box (N,), -1 where it has none, and the same with -1 where the
        track is not to be shown (yet). Ids below -1 are those of tracks of doubtful boxes. A time
        that jumps back ends all tracks. Boxes that are not finite or have no area are left out.
        """
        n = len(boxes)
        if time < self._time:
            self.reset()
        step = time - self._time if self._count[0] else 0.0
        self._time = time
        room = len(self._tracks[0])
        total = min(self.MOST, int(self._count[0]) + n)
        if total > room or n > self._ids.shape[1]:
            if total > room:
                self._grow_tracks(min(self.MOST, 2 * total))
            self._grow_room(len(self._tracks[0]), max(2 * n, self._ids.shape[1]))
        looks = self._nothing if vectors is None else np.ascontiguousarray(vectors)
        track_kernels.step(
            self._p, step, time, boxes, scores, looks,
            *self._tracks, self._count, self._ids, *self._room,
        )  # fmt: skip
        found: I8 = self._ids[:, :n].copy()
        if self._rest is not None:
            self._follow_rest(time, boxes, scores, looks, found[0])
        return found[0], found[1]

    def _follow_rest(self, time: float, boxes: F4, scores: F4, looks: F4, ids: I8) -> None:
        assert self._rest is not None
        at = np.flatnonzero((ids < 0) & (scores >= self.settings.faint))
        if not len(at) and not self._rest.alive:
            return
        taken = boxes[ids >= 0]
        if len(at) and len(taken):
            at = at[iou(boxes[at], taken).max(axis=1) <= self.settings.faint_double]
        found, _ = self._rest.update(time, boxes[at], scores[at], looks[at] if self.dim else None)
        ids[at] = np.where(found >= 0, -2 - found, -1)
