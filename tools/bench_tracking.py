"""Our tracker beside others', on the same detections in one run.

    python -m tools.bench_tracking a b c --json OUT.json [--peer-python PYTHON]
    python -m tools.bench_tracking report --json OUT.json    # docs/tracking.md and its plot

``a``: MOT-format sequences (``--mot``, without pictures), at full rate and thinned out. ``b``:
drawn cartoons with exact truth, our detector and embedder, and the triplets mined there. ``c``:
milliseconds for 5 to 500 objects, and for a shot's refinement. Peers are run by
``tools/tracking_peers.py`` under ``--peer-python``, and left out where they are not installed;
``--kept`` keeps what was drawn and what peers put out.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from caststream.vision.camera import Camera
from caststream.vision.flow import least_cost_flow
from caststream.vision.refine import RefineSettings, refine
from caststream.vision.route import Route
from caststream.vision.tracker import Tracker
from tools.mot_sequences import Output, Sequence, carried, load, scores, scoring_data

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("sportsmot-val15", "kitti-car6", "mot15")
RATES = {"full rate": 1000.0, "8 a second": 8.0, "4 a second": 4.0}
TUNED = {
    "sportsmot-val15": (0, 3, 6, 9, 12),
    "kitti-car6": ("0001", "0018"),
}
"""Sequences that settings were chosen on, by place or name; all others are held out."""
SHORT_GROUPS = ("mot15",)
"""So short that one crossing decides: forwards and backwards, with every choice of frames."""
DRAWN = range(901, 905)
DRAWN_SECONDS = 60.0
MOVING = range(951, 957)
"""Shows drawn with cameras that never stand still."""
CAMERAS = ("pan", "zoom", "whip", "shake", "follow")
FRESH = range(971, 979)
"""Shows on which nothing about triplets was chosen."""
CAMERA_SHOWS = range(1018, 1030)
"""Shows on which nothing about the camera's motion was chosen."""
SHORT = 40.0
RUNS = 3
"""How often times are taken; the median counts."""


def online(
    s: Sequence, looks: bool = True, camera: bool = True
) -> tuple[Output, list[np.ndarray], list[np.ndarray]]:
    """Our online output, the ids of all boxes, also of those not yet shown, and all boxes where
    they would be had the camera stood still; ``camera`` says whether its motion is taken out."""
    dim = s.vectors[0].shape[1] if looks and s.vectors is not None else 0
    tracker = Tracker(dim)
    boxes, ids, all_ids, still = [], [], [], []
    watch = Camera() if camera and s.pictures is not None else None
    route, middle = Route(), (0.5 * s.width, 0.5 * s.height)
    scale = np.array([s.width, s.height] * 2, np.float32)
    for k, (now, found) in enumerate(zip(s.times, s.detections, strict=True)):
        if k in s.cuts:
            tracker.reset()
            if watch is not None:
                watch.reset()
        if watch is not None and s.pictures is not None:
            size = np.array(s.pictures[k].shape[1::-1] * 2, np.float32)
            moved = watch.update(s.pictures[k], found[:, :4].astype(np.float32) / scale * size)
            move = (moved.x * s.width, moved.y * s.height, moved.zoom)
            tracker.move(*move, middle)
            route.move(*move)
        route.mark(k)
        raw, shown = tracker.update(
            float(now), found[:, :4].astype(np.float32), found[:, 4].astype(np.float32),
            s.vectors[k] if dim and s.vectors is not None else None,
        )  # fmt: skip
        boxes.append(found[shown >= 0, :4])
        ids.append(shown[shown >= 0])
        all_ids.append(raw)
    for k, found in enumerate(s.detections):
        place = (found[:, :4] - np.array(middle * 2)).astype(np.float32)
        still.append(route.boxes(place, np.full(len(found), k)))
    return (boxes, ids), all_ids, still


def refined(
    s: Sequence,
    raw: list[np.ndarray],
    still: list[np.ndarray],
    settings: RefineSettings | None = None,
    looks: bool = True,
) -> Output:
    """Our output after refinement, shot by shot; ``raw`` and ``still`` are those of `online`."""
    labels: list[np.ndarray] = []
    edges = [0, *s.cuts, len(s.detections)]
    count = 0
    for a, b in itertools.pairwise(edges):
        sizes = [len(d) for d in s.detections[a:b]]
        found = np.concatenate(s.detections[a:b])
        vectors = np.concatenate(s.vectors[a:b]) if looks and s.vectors is not None else None
        new = refine(
            np.repeat(s.times[a:b], sizes), np.concatenate(still[a:b]),
            found[:, 4].astype(np.float32), np.concatenate(raw[a:b]), vectors, settings,
        )  # fmt: skip
        new = np.where(new >= 0, new + count, -1)
        count = int(new.max(initial=count - 1)) + 1
        labels += np.split(new, np.cumsum(sizes)[:-1])
    return (
        [d[i >= 0, :4] for d, i in zip(s.detections, labels, strict=True)],
        [i[i >= 0] for i in labels],
    )


def peers(
    sequences: list[Sequence], python: str, kept: Path | None = None
) -> dict[str, tuple[list[Output], float]]:
    """Every peer's output on every sequence, and its median milliseconds a frame.

    What they put out is kept in the folder ``kept``, and taken from there where the same
    detections come again: they take minutes, and their defaults do not change.
    """
    rows = [
        np.column_stack((np.full((len(d), 2), (i, k)), d))
        for i, s in enumerate(sequences)
        for k, d in enumerate(s.detections)
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source, detections=np.concatenate(rows), frames=[len(s.detections) for s in sequences],
            fps=[s.fps for s in sequences], size=[(s.width, s.height) for s in sequences],
        )  # fmt: skip
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
            target = kept / f"peers-{digest}.npz"
        if not target.exists():
            made = target.with_suffix(".part.npz")
            command = [python, str(ROOT / "tools/tracking_peers.py"), str(source), str(made)]
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            told = (x for x in done.stderr.splitlines() if "left out" in x or "failed" in x)
            print(*told, sep="\n")
            if done.returncode:
                sys.exit(f"the peers' worker ended with {done.returncode}: {done.stderr[-800:]}")
            made.replace(target)
        out = {}
        with np.load(target, allow_pickle=False) as file:
            for name in (n for n in file.files if not n.endswith(".ms")):
                got, outputs = file[name], []
                for i, s in enumerate(sequences):
                    own = got[got[:, 0] == i]
                    edges = np.searchsorted(own[:, 1], np.arange(len(s.detections) + 1))
                    spans = list(itertools.pairwise(edges))
                    outputs.append(
                        ([own[a:b, 2:6] for a, b in spans],
                         [own[a:b, 6].astype(np.int64) for a, b in spans])
                    )  # fmt: skip
                out[name] = (outputs, float(np.median(file[f"{name}.ms"])))
    return out


def table(sequences: list[Sequence], outputs: dict[str, tuple[list[Output], float]]) -> dict:
    """Scores of every tracker over all sequences."""
    result = {}
    for name, (out, ms) in outputs.items():
        data = [scoring_data(s, *o) for s, o in zip(sequences, out, strict=True)]
        result[name] = {k: round(v, 2) for k, v in scores(data).items()} | {"ms": round(ms, 4)}
        print(f"  {name:28}", result[name], flush=True)
    return result


def ours(sequences: list[Sequence], looks: bool = True) -> dict[str, tuple[list[Output], float]]:
    """Our tracker, online, refined, refined with CAST's costs, and without the camera's motion."""
    name = "caststream" if looks else "caststream, no looks,"
    out = {}
    for camera in (True, False) if sequences[0].pictures is not None else (True,):
        start = time.perf_counter()
        runs = [online(s, looks, camera) for s in sequences]
        ms = 1e3 * (time.perf_counter() - start) / sum(len(s.detections) for s in sequences)
        kinds: dict[str, RefineSettings | None] = {"refined": None}
        if looks and camera:
            kinds["refined, CAST's costs"] = RefineSettings(costs="cast")
        less = "" if camera else ", camera's motion left in"
        out[f"{name} online{less}"] = ([o for o, _, _ in runs], ms)
        for kind, costs in kinds.items():
            made = [
                refined(s, raw, still, costs, looks)
                for s, (_, raw, still) in zip(sequences, runs, strict=True)
            ]
            out[f"{name} {kind}{less}"] = (made, ms)
    return out


def held_out(group: str, sequences: list[Sequence]) -> list[int]:
    """Places of the sequences that no setting was chosen on."""
    tuned = TUNED.get(group, ())
    return [k for k, s in enumerate(sequences) if k not in tuned and s.name not in tuned]


def part_a(mot: Path, kept: Path, python: str, groups: list[str], rates: list[str]) -> dict:
    result = {}
    for group in groups:
        full = [load(p) for p in sorted((mot / group).iterdir()) if p.is_dir()]
        rest = held_out(group, full)
        done: set[int] = set()
        for rate in rates:
            stride = full[0].stride(RATES[rate])
            if stride in done:
                continue  # too slow a camera for both rates
            done.add(stride)
            if group in SHORT_GROUPS:
                sequences = [x for s in full for x in s.takes(RATES[rate])]
            else:
                sequences = [s.at(RATES[rate]) for s in full]
            print(f"{group}, {rate}", flush=True)
            outputs = ours(sequences) | peers(sequences, python, kept)
            result[f"{group}, {rate}"] = table(sequences, outputs)
            if 0 < len(rest) < len(full):
                print("  held out:")
                result[f"{group}, {rate}, held out"] = table(
                    [sequences[k] for k in rest],
                    {n: ([o[k] for k in rest], ms) for n, (o, ms) in outputs.items()},
                )
    return result


def part_b(folder: Path, python: str) -> dict:
    from tools.tracking_camera import judged as camera_judged
    from tools.tracking_drawn import by_shot, films
    from tools.tracking_triplets import judged

    whole = films(folder, DRAWN, DRAWN_SECONDS, 4.0)
    shots = [x for s in whole for x in by_shot(s)]
    print(f"drawn: {len(whole)} films, {len(shots)} shots", flush=True)
    # Everybody starts afresh at each shot here; what happens at cuts is counted apart.
    result = {
        "drawn": table(shots, ours(shots) | ours(shots, False) | peers(shots, python, folder))
    }
    moving = films(folder, MOVING, SHORT, 4.0, CAMERAS)
    shots = [x for s in moving for x in by_shot(s)]
    print(f"moving cameras: {len(moving)} films, {len(shots)} shots", flush=True)
    result["moving"] = table(shots, ours(shots) | ours(shots, False) | peers(shots, python, folder))
    result["camera"] = camera_judged(CAMERA_SHOWS)
    cuts = {"caststream": [carried(s, online(s)[0][1]) for s in whole]}
    for name, (out, _) in peers(whole, python, folder).items():
        cuts[name] = [carried(s, o[1]) for s, o in zip(whole, out, strict=True)]
    result["cuts"] = {n: [int(x) for x in np.sum(c, axis=0)] for n, c in cuts.items()}
    result["triplets"] = {
        "fresh": judged(films(folder, FRESH, SHORT, 4.0)),
        "moving cameras": judged(moving),
        "those that limits were chosen on": judged(whole),
    }
    print(result["camera"], result["cuts"], result["triplets"], sep="\n", flush=True)
    return result


def crowd(n: int, frames: int = 200, dim: int = 0) -> Sequence:
    """``n`` objects that wander, 4 pictures a second, each with a vector where ``dim`` says so."""
    random = np.random.default_rng(n)
    side = 160 * np.sqrt(n)
    place = random.uniform(0, side, (n, 2))
    size = np.array((60.0, 120.0))
    base = random.normal(size=(n, dim))
    found, vectors = [], []
    for _ in range(frames):
        place = place + random.normal(0, 12, (n, 2))
        low = place + random.normal(0, 2, (n, 2))
        score = random.uniform(0.6, 1, n)
        found.append(np.column_stack((low, low + size + random.normal(0, 2, (n, 2)), score)))
        v = base + 0.5 * random.normal(size=base.shape)
        length = np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9)
        vectors.append((v / length).astype(np.float32))
    empty = [np.zeros((0, 6))] * frames
    return Sequence(f"{n} objects", 4.0, int(side), int(side), found, empty, vectors)


def median_ms(work: Callable[[int], object], times: int) -> float:
    spent = []
    for k in range(times):
        start = time.perf_counter()
        work(k)
        spent.append(1e3 * (time.perf_counter() - start))
    return round(float(np.median(spent)), 4)


def frame_ms(n: int, python: str) -> dict[str, float]:
    """Median milliseconds a frame with ``n`` objects, of ours and of every peer."""
    row = {}
    for name, dim in (("caststream, motion", 0), ("caststream, motion and looks", 256)):
        s = crowd(n, 200, dim)
        tracker = Tracker(dim)
        boxes = [d[:, :4].astype(np.float32) for d in s.detections]
        sure = [d[:, 4].astype(np.float32) for d in s.detections]
        looks = s.vectors if dim else None

        def one(
            k: int, tracker: Tracker = tracker, boxes: list = boxes, sure: list = sure,
            looks: list | None = looks,
        ) -> None:  # fmt: skip
            tracker.update(0.25 * k, boxes[k], sure[k], looks[k] if looks else None)

        row[name] = median_ms(one, 200)
    s = crowd(n, 60 if n < 500 else 12)
    return row | {name: ms for name, (_, ms) in peers([s], python).items()}


def part_c(python: str) -> dict:
    result: dict = {"frame": {}, "refine": {}}
    for n in (5, 20, 100, 500):
        # Ours and the peers' by turns, so that what else the machine does meets both.
        rows = [frame_ms(n, python) for _ in range(RUNS)]
        row = {k: round(float(np.median([r[k] for r in rows])), 4) for k in rows[0]}
        result["frame"][str(n)] = row
        print(n, row, flush=True)
    for boxes, objects in ((400, 5), (20_000, 40)):
        s = crowd(objects, boxes // objects, 256)
        _, raw, _ = online(s)
        found = np.concatenate(s.detections)
        looks = np.concatenate(s.vectors or [])
        times = np.repeat(s.times, [len(d) for d in s.detections])
        track = np.concatenate(raw)
        box, score = found[:, :4].astype(np.float32), found[:, 4].astype(np.float32)

        def whole(k: int, rows: tuple = (times, box, score, track, looks)) -> None:
            refine(*rows)

        whole(0)
        result["refine"][f"{boxes} boxes, tracklets"] = median_ms(whole, 7)
        flow = raw_flow(boxes)

        def solve(k: int, flow: tuple = flow) -> None:
            least_cost_flow(*flow)

        result["refine"][f"{boxes} nodes, {len(flow[3])} links, flow alone"] = median_ms(solve, 7)
    print(result["refine"], flush=True)
    return result


def raw_flow(n: int) -> tuple[np.ndarray, ...]:
    """A flow over ``n`` raw boxes of 20 a frame, each with the 5 likeliest of the next frame."""
    random = np.random.default_rng(n)
    frame = np.arange(n) // 20
    place = np.cumsum(random.normal(0, 0.2, (n // 20 + 1, 20)), axis=0).ravel()[:n] + 3 * (
        np.arange(n) % 20
    )
    links, cost = [], []
    for k in range(int(frame[-1])):
        a, b = np.flatnonzero(frame == k), np.flatnonzero(frame == k + 1)
        far = np.abs(place[a][:, None] - place[b][None])
        near = np.argsort(far, axis=1)[:, :5]
        links.append(np.column_stack((np.repeat(a, near.shape[1]), b[near].ravel())))
        cost.append(np.take_along_axis(far, near, 1).ravel() - 2.0)
    use = -random.uniform(0.5, 2.5, n)
    return use, np.full(n, 1.0), np.full(n, 1.0), np.concatenate(links), np.concatenate(cost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", choices=("a", "b", "c", "report"))
    parser.add_argument("--json", type=Path, required=True, help="results are merged into it")
    parser.add_argument("--mot", type=Path, default=ROOT.parent / "shared" / "mot")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "drawn")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--rates", nargs="+", choices=list(RATES), default=list(RATES))
    options = parser.parse_args()
    kept = json.loads(options.json.read_text()) if options.json.exists() else {}
    for part in options.parts:
        if part == "a":
            found = part_a(
                options.mot, options.kept, options.peer_python, options.groups, options.rates
            )
            kept["a"] = kept.get("a", {}) | found
        elif part == "b":
            kept["b"] = part_b(options.kept, options.peer_python)
        elif part == "c":
            kept["c"] = part_c(options.peer_python)
        else:
            from tools.tracking_report import write

            write(kept, ROOT / "docs")
        options.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
