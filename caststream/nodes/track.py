"""`track`: gives each box a track at once, and refines the shot's tracks when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from caststream import messages as m
from caststream.errors import UsageError
from caststream.graph.node import Node
from caststream.media.views import Views
from caststream.vision.route import Route

if TYPE_CHECKING:
    from caststream.vision.camera import Camera
    from caststream.vision.refine import RefineSettings
    from caststream.vision.tracker import Tracker

DOUBT = 0.35
"""Mean score under which a track speaks against itself. Lower than the tracker's own: a track too
many is called nobody by the dictionary, while one that was dropped can never get a name."""
ENDS = 1.0
"""What a track has to be worth to exist; shots of under a second show a box or two."""
HARD_GAPS = ("discontinuity", "reconnect", "resized")
"""Gaps after which places in the picture mean nothing any more, however short."""
COLUMNS = ("frame", "time", "box", "score", "track", "vector", "features", "blend")


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
        memory: float = 4.0,
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
        self.costs: Literal["robust", "cast"] = costs
        self._tracker: Tracker | None = None
        self._camera: Camera | None = None
        self._settings: RefineSettings | None = None
        self._forget()
        self._shot = 0
        self._model = 0
        self._widths = (0, 0)

    def _forget(self) -> None:
        self._waiting: list[m.Rows] = []  # their tracks are online ids
        self._shared: list[m.F4] = []  # as in m.Tracks, beside the waiting rows
        self._count = 0
        self._frames: list[tuple[int, float]] = []  # analysed, with or without boxes; not given out
        self._crops: dict[int, Views] = {}
        self._route = Route()
        self._middle = (0.0, 0.0)
        self._taken: set[int] = set()  # ids of this shot that are given out already

    def open(self, context: m.Context) -> None:
        """Load the compiled kernels."""
        from caststream.vision.camera import Camera
        from caststream.vision.refine import RefineSettings
        from caststream.vision.tracker import Tracker, TrackerSettings

        self._camera = Camera()
        self._settings = RefineSettings(
            costs=self.costs, wait=self.memory, weak=DOUBT, ends_price=ENDS
        )
        self._tracker = Tracker(0, TrackerSettings(memory=self.memory, weak=DOUBT))

    def process(self, message: m.Embedded) -> Iterator[m.Tracked | m.Tracks]:
        """Yield the frame with its online tracks; then ``Tracks`` where a window is full."""
        source = message.detections.source
        if self._count and (message.model != self._model or source.shot != self._shot):
            yield from self._end()
        self._model, self._shot = message.model, source.shot
        ids, shown = self._follow(message)
        self._frames.append((source.frame.index, source.frame.time))
        self._widths = message.vectors.shape[1], message.features.shape[1]
        self._keep(message, ids)
        yield m.Tracked(message, shown)
        if self._count and (
            source.frame.time - self._waiting[0].time[0] > self.window
            or self._count > self.MOST_ROWS
        ):
            yield from self._close_window(source.frame.time)
        elif not self._count and source.frame.time - self._frames[0][1] > self.window:
            yield from self._give_frames()

    def mark(self, marker: m.Marker) -> Iterator[m.Tracks]:
        """End all tracks where the input jumped further than they can wait."""
        if isinstance(marker, m.Gap) and (
            marker.reason in HARD_GAPS or marker.end - marker.start > self.memory
        ):
            yield from self._end()

    def end_shot(self, end: m.ShotEnd) -> Iterator[m.Tracks]:
        """Yield the shot's refined tracks, and its analysed frames also where it had none."""
        yield from self._end()

    def end_stream(self, end: m.StreamEnd) -> Iterator[m.Tracks]:
        """Yield what no shot's end has asked for."""
        yield from self._end()

    def close(self) -> None:
        """Forget everything."""
        self._tracker = self._camera = None
        self._forget()

    def _follow(self, message: m.Embedded) -> tuple[m.I8, m.I8]:
        from caststream.vision.tracker import Tracker

        tracker, dim = self._tracker, message.vectors.shape[1]
        assert tracker is not None, "open was not called"
        if tracker.dim != dim:
            tracker = self._tracker = Tracker(dim, tracker.settings, tracker.next_id)
        found = message.detections
        self._follow_camera(found)
        return tracker.update(found.source.frame.time, found.boxes, found.scores, message.vectors)

    def _follow_camera(self, found: m.Detections) -> None:
        # Takes the camera's motion out: of the tracks that wait, and of what refinement compares.
        assert self._camera is not None and self._tracker is not None, "open was not called"
        small, picture = found.source.small, found.source.frame.picture
        height, width = small.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        x0, y0, x1, y1 = picture.boxes_from(whole, width, height)[0].tolist()
        if not (x1 > x0 and y1 > y0):
            return
        self._middle = (0.5 * (x0 + x1), 0.5 * (y0 + y1))
        scale = np.array([(x1 - x0) / width, (y1 - y0) / height] * 2, np.float32)
        boxes = (found.boxes - np.array([x0, y0] * 2, np.float32)) / scale
        moved = self._camera.update(small, boxes)
        x, y = moved.x * (x1 - x0), moved.y * (y1 - y0)
        if x or y or moved.zoom:
            self._tracker.move(x, y, moved.zoom, self._middle)
            self._route.move(x, y, moved.zoom)

    def _keep(self, message: m.Embedded, ids: m.I8) -> None:
        from caststream.vision.boxes import sharing

        at = np.flatnonzero(ids != -1)
        if len(at) == 0:
            return
        found, frame = message.detections, message.detections.source.frame
        self._route.mark(frame.index)
        for k in at.tolist():
            views = self._crops.setdefault(int(ids[k]), Views(2 * self.views))
            views.offer(frame.index, message.crops[k])
        self._waiting.append(
            m.Rows(
                frame=np.full(len(at), frame.index, np.int64),
                time=np.full(len(at), frame.time),
                box=found.boxes[at],
                score=found.scores[at],
                track=ids[at],
                vector=message.vectors[at],
                features=message.features[at],
                crop=(),
                blend=np.full(len(at), found.source.blend),
            )
        )
        self._shared.append(sharing(found.boxes, np.zeros(len(found.boxes), np.int64))[at])
        self._count += len(at)

    def _end(self) -> Iterator[m.Tracks]:
        # Ends all tracks: at a cut, in the middle of a dissolve, at a jump.
        if self._count:
            yield from self._give(*self._refined())
        elif self._frames:
            yield from self._give_frames()
        self._forget()
        if self._tracker is not None and self._camera is not None:
            self._tracker.reset()
            self._camera.reset()

    def _refined(self) -> tuple[m.Rows, _Beside, m.I8]:
        # All that waits, in the order of frames, with the refined track of each row.
        from caststream.vision.refine import refine

        rows, shared = _joined(self._waiting), np.concatenate(self._shared)
        order = np.argsort(rows.frame, kind="stable")
        rows, shared = _rows_at(rows, order), shared[order]
        # Counted from the middle and as the camera would show all of them now.
        still = self._route.boxes(rows.box - np.array(self._middle * 2, np.float32), rows.frame)
        labels = refine(rows.time, still, rows.score, rows.track, rows.vector, self._settings)
        return rows, _Beside(still, shared), labels

    def _close_window(self, now: float) -> Iterator[m.Tracks]:
        # Gives out tracks that are over and those that began in the first half; the others wait
        # for the next window, so that only tracks of over half a window are ever cut in two.
        assert self._tracker is not None and self._settings is not None
        rows, beside, labels = self._refined()
        over = now - self._settings.wait
        half = rows.time[0] + 0.5 * (now - rows.time[0])
        going = np.zeros(int(labels.max()) + 2, bool)  # the last one is that of no track
        for label in np.unique(labels).tolist():
            times = rows.time[labels == label]
            going[label] = times[-1] >= over and (times[0] > half or label < 0)
        if np.count_nonzero(going[labels]) > self.MOST_ROWS // 2:
            going[:] = False  # too many boxes to wait for anything
        # Of what is in no track, only what goes on can still become or lead up to one.
        goes_on = np.isin(rows.track, rows.track[rows.time >= over])
        wait = going[labels] & ((labels >= 0) | goes_on)
        yield from self._give(rows, beside, np.where(wait, -1, labels))
        rest = _rows_at(rows, np.flatnonzero(wait))
        live = set(self._tracker.ids()) | set(rest.track.tolist())
        self._waiting, self._count = ([rest], len(rest)) if len(rest) else ([], 0)
        self._shared = [beside.shared[wait]] if len(rest) else []
        self._crops = {k: v for k, v in self._crops.items() if k in live}
        self._taken &= live
        self._route.keep(set(rest.frame.tolist()))

    def _give_frames(self) -> Iterator[m.Tracks]:
        none = _Beside(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        return self._give(self._no_rows(), none, np.zeros(0, np.int64))

    def _give(self, rows: m.Rows, beside: _Beside, labels: m.I8) -> Iterator[m.Tracks]:
        at = np.flatnonzero(labels >= 0)
        seen, self._frames = self._frames, []
        if len(at) == 0 and not seen:
            return
        online, rows = rows.track[at], _rows_at(rows, at)
        names, tracks, crops = np.empty(len(at), np.int64), [], [b""] * len(at)
        # By the order of their beginnings, so the older track keeps an id that two could claim.
        labels = labels[at]
        _, firsts = np.unique(labels, return_index=True)
        for first in np.sort(firsts).tolist():
            own = np.flatnonzero(labels == labels[first])
            sources = tuple(k for k in dict.fromkeys(online[own].tolist()) if k >= 0)
            names[own] = name = self._name(sources)
            for k in self._chosen(rows, online, own):
                crops[k] = self._crops[int(online[k])].crops[int(rows.frame[k])]
            tracks.append(_summary(name, self._shot, rows, own, crops, sources, online[own] >= 0))
        rows = m.Rows(
            rows.frame, rows.time, rows.box, rows.score, names, rows.vector, rows.features,
            tuple(crops), rows.blend,
        )  # fmt: skip
        yield m.Tracks(
            self._shot, self._model, rows, tuple(tracks),
            frames=np.array([frame for frame, _ in seen], np.int64),
            times=np.array([time for _, time in seen], np.float64),
            still=beside.still[at], shared=beside.shared[at],
        )  # fmt: skip

    def _no_rows(self) -> m.Rows:
        none, (vectors, features) = np.zeros(0, np.int64), self._widths
        return m.Rows(
            frame=none, time=np.zeros(0), box=np.zeros((0, 4), np.float32),
            score=np.zeros(0, np.float32), track=none,
            vector=np.zeros((0, vectors), np.float32), features=np.zeros((0, features), np.float16),
            crop=(), blend=np.zeros(0, bool),
        )  # fmt: skip

    def _name(self, sources: tuple[int, ...]) -> int:
        assert self._tracker is not None
        name = next((s for s in sources if s not in self._taken), None)
        if name is None:
            name = self._tracker.reserve()
        self._taken.add(name)
        return name

    def _chosen(self, rows: m.Rows, online: m.I8, own: NDArray[np.intp]) -> list[int]:
        # Rows whose crops are kept: evenly spread over those that have one.
        have = [
            int(k) for k in own if self._crops[int(online[k])].crops.get(int(rows.frame[k]), b"")
        ]
        if len(have) <= self.views:
            return have
        return [have[int(i)] for i in np.linspace(0, len(have) - 1, self.views).round()]


class _Beside(NamedTuple):
    """What is known of rows beside them, as in `caststream.messages.Tracks`."""

    still: m.F4
    shared: m.F4


def _joined(parts: list[m.Rows]) -> m.Rows:
    return m.Rows(crop=(), **{c: np.concatenate([getattr(p, c) for p in parts]) for c in COLUMNS})


def _rows_at(rows: m.Rows, at: NDArray[np.intp]) -> m.Rows:
    return m.Rows(crop=(), **{c: getattr(rows, c)[at] for c in COLUMNS})


def _summary(
    name: int, shot: int, rows: m.Rows, own: NDArray[np.intp], crops: list[bytes],
    sources: tuple[int, ...], sure: NDArray[np.bool_],
) -> m.Track:  # fmt: skip
    score = rows.score[own].astype(np.float64)
    # Most typical: near the mean of looks, sure, outside of blends, and with a crop to show.
    mean = rows.vector[own].sum(axis=0, dtype=np.float64)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    typical = rows.vector[own] @ mean + 0.5 * score - rows.blend[own]
    typical += [2.0 if crops[k] else 0.0 for k in own.tolist()]
    first, last = own[0], own[-1]
    return m.Track(
        id=name,
        shot=shot,
        start_frame=int(rows.frame[first]),
        end_frame=int(rows.frame[last]) + 1,
        start=float(rows.time[first]),
        end=float(rows.time[last]),
        boxes=len(own),
        score=float(score[sure].mean()),
        exemplar=int(rows.frame[own[int(np.argmax(typical))]]),
        online=sources,
    )
