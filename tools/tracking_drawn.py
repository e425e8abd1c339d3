"""Drawn cartoons with exact truth as tracking sequences, found and embedded by our own networks.

Shot boundaries are the truth's, so that nothing but tracking is judged. What was found is kept in
a folder, so the films are drawn and looked at only once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from caststream import messages as m
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from tools.mot_sequences import DISTRACTOR, SCORED, Sequence
from tools.synth.episode import Truth, frames, make_script
from tools.synth.script import Script

NAMELESS = ("extra", "other")


def films(
    folder: Path,
    seeds: Iterable[int],
    seconds: float,
    rate: float,
    cameras: tuple[str, ...] = (),
) -> list[Sequence]:
    """One sequence for each seed of a show, ``rate`` pictures a second.

    ``cameras`` are those of `tools.synth.script`, where not all are wanted.
    """
    return [_film(folder, show, seconds, rate, cameras) for show in seeds]


def _film(
    folder: Path, show: int, seconds: float, rate: float, cameras: tuple[str, ...]
) -> Sequence:
    kept = folder / f"{'-'.join(['film', str(show), f'{seconds:g}', f'{rate:g}', *cameras])}.npz"
    script = make_script(show_seed=show, episode_seed=1, seconds=seconds, cameras=cameras)
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _look(script, rate, kept)
    with np.load(kept, allow_pickle=False) as file:
        rows, vectors, pictures = file["rows"], file["vectors"], file["pictures"]
        frames, shots, blends = file["frames"], file["shots"], file["blends"]
        listed = json.loads(str(file["truth"]))
    edges = np.searchsorted(rows[:, 0], np.append(frames, 1 << 60))
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    ids: dict[tuple[int, str], int] = {}
    real = [_truth(b, int(s), ids) for b, s in zip(listed, shots, strict=True)]
    return Sequence(
        kept.stem, rate, script.width, script.height,
        [rows[a:b, 1:6] for a, b in spans], real, [vectors[a:b] for a, b in spans],
        tuple((np.flatnonzero(np.diff(shots)) + 1).tolist()), frames / script.fps,
        [[x["character"] for x in b] for b in listed], list(pictures), blends,
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


def _look(script: Script, rate: float, kept: Path) -> None:
    # Draws the pictures that are analysed, looks at them, and keeps what was found.
    from caststream.nodes.detect import Detect
    from caststream.nodes.embed import Embed
    from caststream.nodes.shots import SMALL

    detect, embed = Detect(rate), Embed()
    start = m.StreamStart("-", script.width, script.height, script.fps, None, "")
    for node in (detect, embed):
        node.open(m.Context())
        list(node.mark(start))
    truth, scalers, made = Truth(script), Scalers(), []
    mixed = [(t.start, t.end) for t in script.transitions if t.kind != "cut"]
    for drawn, info in frames(script, round(script.fps / rate)):
        truth.add(info)
        picture = Picture(CpuSurface(av.VideoFrame.from_ndarray(drawn, format="rgb24"), scalers))
        blend = any(a <= info.frame <= b for a, b in mixed)
        source = m.ShotFrame(
            m.Frame(info.frame, info.frame / script.fps, picture), info.shot,
            picture.resized(*SMALL), blend,
        )  # fmt: skip
        (found,) = detect.process(source)
        made += embed.process(found)
    made += embed.end_stream(m.StreamEnd(0, 0.0, "eof"))
    rows = [
        np.column_stack((np.full(len(d.boxes), d.source.frame.index), d.boxes, d.scores))
        for d in (e.detections for e in made)
    ]
    sources = [e.detections.source for e in made]
    np.savez(
        kept, rows=np.concatenate(rows), vectors=np.concatenate([e.vectors for e in made]),
        frames=[s.frame.index for s in sources], shots=[s.shot for s in sources],
        blends=[s.blend for s in sources], pictures=[s.small for s in sources],
        truth=json.dumps([f["boxes"] for f in truth.as_dict("")["frames"]]),
    )  # fmt: skip


def by_shot(sequence: Sequence) -> list[Sequence]:
    """Each shot as a sequence of its own."""
    edges = [0, *sequence.cuts, len(sequence.detections)]
    assert sequence.vectors and sequence.names and sequence.pictures
    return [
        Sequence(
            f"{sequence.name}/{a}", sequence.fps, sequence.width, sequence.height,
            sequence.detections[a:b], sequence.truth[a:b], sequence.vectors[a:b], (),
            sequence.times[a:b], sequence.names[a:b], sequence.pictures[a:b],
            None if sequence.blends is None else sequence.blends[a:b],
        )
        for a, b in itertools.pairwise(edges)
    ]  # fmt: skip
