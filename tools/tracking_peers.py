"""Runs other people's trackers on one file of detections; a worker of `bench_tracking`.

    PYTHON tools/tracking_peers.py IN.npz OUT.npz

Needs numpy and whichever of `trackers`, `boxmot` and `arcsort` are to be run, and nothing of
caststream, so it can be given a Python of its own. IN holds ``detections`` (N, 7: sequence, frame,
xyxy, score), ``frames``, ``fps`` and ``size`` of each sequence. OUT holds for each peer
``NAME`` (M, 7: sequence, frame, xyxy, id) and ``NAME.ms``, the milliseconds of each frame.
Defaults throughout; a peer that can be told the frame rate runs with and without (" told").
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

Update = Callable[[np.ndarray], np.ndarray]
Maker = Callable[[float, int, int], Update]


def roboflow() -> Iterator[tuple[str, Maker]]:
    import supervision as sv
    import trackers

    def maker(kind: type, told: bool, extra: dict) -> Maker:
        def make(fps: float, width: int, height: int) -> Update:
            tracker = kind(**extra, **({"frame_rate": fps} if told else {}))

            def update(rows: np.ndarray) -> np.ndarray:
                found = sv.Detections(
                    xyxy=rows[:, :4].astype(np.float32),
                    confidence=rows[:, 4].astype(np.float32),
                    class_id=np.zeros(len(rows), int),
                )
                out = tracker.update(found)
                ids = np.full(len(out), -1) if out.tracker_id is None else out.tracker_id
                return np.column_stack((out.xyxy, ids)).reshape(-1, 5)[ids >= 0]

            return update

        return make

    for name, kind, extra in (
        ("SORT", trackers.SORTTracker, {}),
        ("ByteTrack", trackers.ByteTrackTracker, {}),
        ("OC-SORT", trackers.OCSORTTracker, {}),
        ("C-BIoU", trackers.CBIoUTracker, {}),
        ("BoT-SORT", trackers.BoTSORTTracker, {"enable_cmc": False}),
    ):
        yield f"trackers {name}", maker(kind, False, extra)
        yield f"trackers {name} told", maker(kind, True, extra)


def mikel() -> Iterator[tuple[str, Maker]]:
    import boxmot

    def maker(kind: type, extra: dict) -> Maker:
        def make(fps: float, width: int, height: int) -> Update:
            tracker = kind(**extra)
            blank = np.zeros((height, width, 3), np.uint8)

            def update(rows: np.ndarray) -> np.ndarray:
                out = np.asarray(
                    tracker.update(np.column_stack((rows, np.zeros(len(rows)))), blank)
                )
                return out.reshape(len(out), -1)[:, :5] if len(out) else np.zeros((0, 5))

            return update

        return make

    yield "boxmot ByteTrack", maker(boxmot.ByteTrack, {})
    yield "boxmot OC-SORT, two stages", maker(boxmot.OcSort, {"use_byte": True})
    yield "boxmot SFSORT", maker(boxmot.SFSORT, {})


def arc() -> Iterator[tuple[str, Maker]]:
    from arcsort.tracker import ARCTracker

    def make(fps: float, width: int, height: int) -> Update:
        tracker = ARCTracker({"use_cmc": False})

        def update(rows: np.ndarray) -> np.ndarray:
            return tracker.update(np.column_stack((rows, np.zeros(len(rows)))))

        return update

    yield "arcsort", make


def run(make: Maker, data: dict) -> tuple[np.ndarray, np.ndarray]:
    rows, spent = [], []
    found = data["detections"]
    for s, (frames, fps, (width, height)) in enumerate(
        zip(data["frames"], data["fps"], data["size"], strict=True)
    ):
        update = make(float(fps), int(width), int(height))
        own = found[found[:, 0] == s]
        edges = np.searchsorted(own[:, 1], np.arange(frames + 1))
        for k in range(frames):
            now = own[edges[k] : edges[k + 1], 2:7]
            start = time.perf_counter()
            out = update(now)
            spent.append(1e3 * (time.perf_counter() - start))
            rows.append(np.column_stack((np.full((len(out), 2), (s, k)), out[:, :5])))
    return np.concatenate(rows), np.array(spent)


def main() -> None:
    source, target = sys.argv[1:3]
    with np.load(source, allow_pickle=False) as file:
        data = {k: file[k] for k in file.files}
    results: dict[str, np.ndarray] = {}
    for package, peers in (("trackers", roboflow), ("boxmot", mikel), ("arcsort", arc)):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                made = list(peers())
        except ImportError as error:
            print(f"{package}: left out ({error})", file=sys.stderr)
            continue
        for name, make in made:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    results[name], results[f"{name}.ms"] = run(make, data)
            except Exception as error:  # a peer's failure is a result, too
                print(f"{name}: failed ({type(error).__name__}: {error})", file=sys.stderr)
    np.savez(target, **results)


if __name__ == "__main__":
    main()
