"""What tuning a head on a show can be worth at most, by heads that were told the truth.

    python tools/tuning_ceiling.py film.looks.npz ... [--truth DIR]

Plays files of looks (``tools/replay.py look``) untuned, then groups each film's tracks once a head:
as shipped; tuned as in a stream, gate or no gate; tuned with the true names of all tracks, which
is learning by heart; and tuned with the true names of the first half's tracks alone. The last is
what can be hoped for of tracks that come later, so the second half is also judged on its own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from caststream.evaluation.identity import Matches, match_all
from caststream.evaluation.labels import read_labels
from caststream.evaluation.scores import b_cubed
from caststream.evaluation.truth import NAMELESS, read_truth
from caststream.learning.characters import Acts
from caststream.learning.finetune import STEPS, _run
from caststream.learning.grouping import Grouping, Seen
from caststream.learning.learner import PRIOR_CUT
from caststream.learning.lessons import ROWS, Lessons
from caststream.store.reader import StoreReader
from caststream.vision.embedder import Head, project, read_head
from tools.replay import play

TRACK = 0xFFFFFFFF
"""Bits of a uid that number a track within its stream."""


@dataclass(frozen=True)
class Show:
    """The tracks of a film in order, and who they really are."""

    tracks: list[Seen]
    apart: list[tuple[int, int]]
    matches: Matches
    real: dict[int, str]
    late: set[int]
    """Tracks of the second half."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, help="folder of the truth files")
    args = parser.parse_args()
    print("B-cubed F1, of the second half in brackets")
    print(f"{'film':22s} pairs  {'shipped':14s} {'tuned':14s} {'all names':14s} first half's names")
    rows = []
    for path in args.looks:
        show = seen_in(path, args.truth or path.parent)
        shipped, lessons = read_head(), lessons_of(show)
        early = {u: who for u, who in show.real.items() if u not in show.late}
        heads = [shipped]
        for told in ({}, show.real, early):
            taught = named(lessons, told)
            able = len(taught.apart) > 0
            heads.append(_run(taught, shipped, 0, STEPS, "caststream")[0] if able else shipped)
        row = [judge(show, head) for head in heads]
        rows.append(row)
        text = " ".join(f"{whole:.3f} ({late:.3f})" for whole, late in row)
        print(f"{path.name[:-10]:22s} {len(lessons.apart):5d}  {text}", flush=True)
    mean = np.mean(rows, axis=0)
    print(f"{'mean':29s} " + " ".join(f"{whole:.3f} ({late:.3f})" for whole, late in mean))


def seen_in(looks: Path, truths: Path) -> Show:
    """Play a film, and say which track is who."""
    with tempfile.TemporaryDirectory() as folder:
        labels, store = Path(folder) / "labels.ndjson", Path(folder) / "s.zarr"
        play(looks, labels, store, ["learn.tune=off"])
        with labels.open() as lines:
            found = read_labels(lines)
        tracks: list[Seen] = []
        apart: list[tuple[int, int]] = []
        with StoreReader(store) as reader:
            for commit in reader.commits(0):
                table, rows = commit.tracks, commit.rows
                for i, uid in enumerate(table.uid.tolist()):
                    start, end = float(table.start[i]), float(table.end[i])
                    mine = rows.uid == uid
                    score, features = float(table.score[i]), rows.features[mine]
                    seen = Seen(uid, rows.vector[mine], features, end - start, score, start)
                    tracks.append(seen)
                apart += [(a, b) for a, b in commit.apart.tolist()]
    name = looks.name.removesuffix(".looks.npz")
    matches = match_all(read_truth(truths / f"{name}.truth.json"), found)
    holds: dict[int, Counter[str]] = defaultdict(Counter)
    for box, track in zip(matches.truth, matches.track, strict=True):
        if track is not None:
            holds[track][box] += 1
    first = {track: count.most_common(1)[0][0] for track, count in holds.items()}
    real = {t.uid: first[t.uid & TRACK] for t in tracks if t.uid & TRACK in first}
    half = max((t.time for t in tracks), default=0.0) / 2
    return Show(tracks, apart, matches, real, {t.uid for t in tracks if t.time > half})


def lessons_of(show: Show) -> Lessons:
    """What the tracks alone teach, of the whole film; nothing is held back."""
    good = [t for t in show.tracks if len(t.features) >= 2 and t.score >= 0.35]
    place = {t.uid: i for i, t in enumerate(good)}
    rows = [np.unique(np.linspace(0, len(t.features) - 1, ROWS).round().astype(int)) for t in good]
    pairs = [(place[a], place[b]) for a, b in show.apart if a in place and b in place]
    nobody = np.full(len(good), -1, np.int64)
    return Lessons(
        np.concatenate([t.features[r] for t, r in zip(good, rows, strict=True)]),
        np.repeat(np.arange(len(good)), [len(r) for r in rows]),
        nobody,
        np.array(pairs, np.int64).reshape(-1, 2),
        np.zeros(len(good), bool),
        np.array([t.uid for t in good], np.int64),
    )


def named(lessons: Lessons, real: dict[int, str]) -> Lessons:
    """The same with true names, as if a person had placed those tracks."""
    ids = {name: i for i, name in enumerate(sorted(set(real.values()) - set(NAMELESS)))}
    person = np.array([ids.get(real.get(u, ""), -1) for u in lessons.uid.tolist()], np.int64)
    one, other = person[lessons.apart.T]
    return replace(lessons, person=person, apart=lessons.apart[(one < 0) | (one != other)])


def judge(show: Show, head: Head) -> tuple[float, float]:
    """B-cubed F1 of true boxes that tracks hold, of the whole film and of its second half."""
    grouping: Grouping | None = None
    for track in show.tracks:
        vectors = project(track.features, head)
        grouping = grouping or Grouping(vectors.shape[1], track.features.shape[1])
        grouping.add(replace(track, vectors=vectors))
    if grouping is None:
        return 0.0, 0.0
    for one, other in show.apart:
        grouping.apart(one, other)
    grouping.regroup(PRIOR_CUT, Acts())
    found = grouping.labels()
    ids = dict(zip((found.uid & TRACK).tolist(), found.character.tolist(), strict=True))
    late = {uid & TRACK for uid in show.late}
    boxes = [
        (who, None if ids.get(track, -1) < 0 else str(ids[track]), track in late)
        for who, track in zip(show.matches.truth, show.matches.track, strict=True)
        if who not in NAMELESS and track is not None
    ]
    parts = boxes, [box for box in boxes if box[2]]
    whole, second = (b_cubed([b[0] for b in p], [b[1] for b in p])[2] if p else 0.0 for p in parts)
    return whole, second


if __name__ == "__main__":
    main()
