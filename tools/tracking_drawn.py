"""Drawn cartoons with exact truth as tracking sequences, found and embedded by our own networks.

Shot boundaries are the truth's, so that nothing but tracking is judged. What was found is kept in
a folder, so the films are drawn and looked at only once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from caststream import messages as m
from tools.mot_sequences import DISTRACTOR, SCORED, Sequence

NAMELESS = ("extra", "other")


def films(
    folder: Path, seeds: list[tuple[int, int]], seconds: float, rate: float
) -> list[Sequence]:
    """One sequence for each (show seed, episode seed), ``rate`` pictures a second."""
    return [_film(folder, show, episode, seconds, rate) for show, episode in seeds]


def _film(folder: Path, show: int, episode: int, seconds: float, rate: float) -> Sequence:
    from tools.synth.episode import make_episode

    folder.mkdir(parents=True, exist_ok=True)
    clip = folder / f"drawn-{show}-{episode}-{seconds:g}.mp4"
    truth_path = clip.with_name(f"{clip.stem}.truth.json")
    if not truth_path.exists():
        make_episode(clip, show_seed=show, episode_seed=episode, seconds=seconds)
    truth = json.loads(truth_path.read_text())
    kept = clip.with_name(f"{clip.stem}-{rate:g}.npz")
    if not kept.exists():
        _look(clip, truth, rate, kept)
    with np.load(kept, allow_pickle=False) as file:
        frames, times, shots = file["frames"], file["times"], file["shots"]
        rows, vectors = file["rows"], file["vectors"]
    edges = np.searchsorted(rows[:, 0], np.append(frames, 1 << 60))
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    ids: dict[tuple[int, str], int] = {}
    listed = {f["frame"]: f["boxes"] for f in truth["frames"]}
    boxes = [listed.get(int(f), []) for f in frames]
    real = [_truth(b, int(s), ids) for b, s in zip(boxes, shots, strict=True)]
    return Sequence(
        clip.stem, rate, truth["width"], truth["height"],
        [rows[a:b, 1:6] for a, b in spans], real, [vectors[a:b] for a, b in spans],
        tuple((np.flatnonzero(np.diff(shots)) + 1).tolist()), times,
        [[x["character"] for x in b] for b in boxes],
    )  # fmt: skip


def _truth(boxes: list[dict], shot: int, ids: dict[tuple[int, str], int]) -> np.ndarray:
    # One id for each character of a shot, also where it was hidden for a while; nameless ones,
    # and characters that stand there twice, go by their tracks.
    out = np.zeros((len(boxes), 6))
    names = [b["character"] for b in boxes]
    for k, b in enumerate(boxes):
        x, y, w, h = b["box"]
        single = b["character"] not in NAMELESS and names.count(b["character"]) == 1
        key = (shot, b["character"] if single else f"track {b['track']}")
        scored = not b.get("ignore") and b.get("visible", 1.0) >= 0.25
        out[k] = (x, y, x + w, y + h, ids.setdefault(key, len(ids)), 0)
        out[k, 5] = SCORED if scored else DISTRACTOR
    return out


def _shots(clip: Path, truth: dict) -> Iterator[m.ShotFrame | m.Marker]:
    # The film's frames with the true shot each belongs to; a dissolve ends in its middle.
    from caststream.nodes.decode import Decode

    starts, blends = [], []
    for b in truth["boundaries"]:
        starts.append(b["frame"] if b["type"] == "cut" else (b["start"] + b["end"] + 1) // 2)
        if b["type"] != "cut":
            blends.append((b["start"], b["end"]))
    node = Decode()
    context = m.Context(uri=str(clip))
    node.open(context)
    small = np.zeros((27, 48, 3), np.uint8)
    shot = 0
    try:
        for item in node.produce():
            if isinstance(item, m.Frame):
                now = int(np.searchsorted(starts, item.index, side="right"))
                if now != shot:
                    yield m.ShotEnd(m.Shot(shot, 0, item.index, 0.0, item.time, "cut", 1.0))
                    shot = now
                blend = any(a <= item.index <= b for a, b in blends)
                yield m.ShotFrame(item, shot, small, blend)
            elif isinstance(item, m.Marker):
                yield item
    finally:
        node.close()


def _look(clip: Path, truth: dict, rate: float, kept: Path) -> None:
    from caststream.nodes.detect import Detect
    from caststream.nodes.embed import Embed

    detect, embed = Detect(rate), Embed()
    for node in (detect, embed):
        node.open(m.Context(uri=str(clip)))
    frames, times, shots, rows, vectors = [], [], [], [], []
    for item in _shots(clip, truth):
        if isinstance(item, m.ShotEnd):
            list(detect.end_shot(item))
        elif isinstance(item, m.Marker):
            list(detect.mark(item))
        else:
            for found in detect.process(item):
                for e in embed.process(found):
                    frames.append(item.frame.index)
                    times.append(item.frame.time)
                    shots.append(item.shot)
                    vectors.append(e.vectors)
                    index = np.full((len(found.boxes), 1), item.frame.index)
                    rows.append(np.column_stack((index, found.boxes, found.scores)))
    np.savez(kept, frames=frames, times=times, shots=shots, rows=np.concatenate(rows),
             vectors=np.concatenate(vectors))  # fmt: skip


def by_shot(sequence: Sequence) -> list[Sequence]:
    """Each shot as a sequence of its own."""
    edges = [0, *sequence.cuts, len(sequence.detections)]
    assert sequence.vectors is not None and sequence.names is not None
    return [
        Sequence(
            f"{sequence.name}/{a}", sequence.fps, sequence.width, sequence.height,
            sequence.detections[a:b], sequence.truth[a:b], sequence.vectors[a:b], (),
            sequence.times[a:b], sequence.names[a:b],
        )
        for a, b in itertools.pairwise(edges)
    ]  # fmt: skip
