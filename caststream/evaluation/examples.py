"""What a store's vectors are worth: nobody named, or 1, 5, 10 examples a character; and a map.

Each figure is given for the head as shipped (vanilla) and for the one in force (tuned), on the
same tracks. With no examples it is B-cubed F1 of a grouping made anew; with n it is the share of
the other boxes that the nearest of n random tracks a character names rightly.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caststream.evaluation.identity import Matches
from caststream.evaluation.scores import b_cubed
from caststream.evaluation.truth import NAMELESS
from caststream.learning.characters import Acts
from caststream.learning.grouping import Grouping, Seen
from caststream.learning.learner import PRIOR_CUT
from caststream.messages import F4, I8
from caststream.store import published
from caststream.store.reader import StoreReader
from caststream.store.schema import make_uid
from caststream.vision.embedder import Head, project, read_head

EXAMPLES = (1, 5, 10)
DRAWS = 20
"""Random choices of examples that a figure is the mean of."""
MAPPED = 1500
"""Tracks on the map at most."""


@dataclass(frozen=True, slots=True)
class Worth:
    """One line of the table."""

    examples: int
    """A character; 0 for nobody named."""
    vanilla: float
    tuned: float


@dataclass(frozen=True, slots=True)
class Dot:
    """One track on the map."""

    x: float
    y: float
    """In 0..1"""
    track: int
    truth: str | None
    """Who it mostly is, None where the truth says nothing of it."""


def worth(
    store: str | Path, source: int, matches: Matches
) -> tuple[tuple[Worth, ...], tuple[Dot, ...]]:
    """The table and the map of one source; both empty where vectors come from no head of ours."""
    with StoreReader(store) as reader:
        tracks = _tracks(reader, source)
    head = (published.current(store) or published.Published()).head
    shipped = read_head()
    if not tracks or tracks[0].features.shape[1] != len(shipped["weight"]):
        return (), ()
    apart = _apart(store, source)
    who = _owners(matches, source)
    columns = [_column(tracks, apart, who, one) for one in (shipped, head or shipped)]
    table = tuple(Worth(n, one, two) for n, one, two in zip((0, *EXAMPLES), *columns, strict=True))
    return table if who else (), _map(tracks, who, head or shipped)


def _tracks(reader: StoreReader, source: int) -> list[Seen]:
    """Everything but vectors, which depend on the head."""
    found = []
    none = np.zeros((0, 0), np.float32)
    for commit in reader.commits(source):
        table, rows = commit.tracks, commit.rows
        if not len(table):
            continue
        features, owner = rows.features, rows.uid
        for i, uid in enumerate(table.uid.tolist()):
            seconds = float(table.end[i] - table.start[i])
            mine = features[owner == uid]
            start, score = float(table.start[i]), float(table.score[i])
            found.append(Seen(uid, none, mine, seconds, score, start))
    return found


def _apart(store: str | Path, source: int) -> I8:
    with StoreReader(store) as reader:
        pairs = reader.apart()
    return np.asarray(pairs[(pairs[:, 0] >> 32) == source], np.int64)


def _owners(matches: Matches, source: int) -> dict[int, Counter[str]]:
    """uid -> true names of its matched boxes, named characters only."""
    who: dict[int, Counter[str]] = defaultdict(Counter)
    for name, track in zip(matches.truth, matches.track, strict=True):
        if track is not None and name not in NAMELESS:
            who[make_uid(source, track)][name] += 1
    return dict(who)


def _column(tracks: list[Seen], apart: I8, who: dict[int, Counter[str]], head: Head) -> list[float]:
    label = _grouped(tracks, apart, head)
    pairs = [(name, label.get(u), n) for u, c in who.items() for name, n in c.items()]
    truth = [name for name, _, n in pairs for _ in range(n)]
    found = [f"c{c}" if c is not None and c >= 0 else None for _, c, n in pairs for _ in range(n)]
    known = {t.uid: t for t in tracks}
    uids = [u for u in who if u in known]
    looks: F4 = (
        np.stack([_mean(known[u], head) for u in uids]) if uids else np.zeros((0, 1), np.float32)
    )
    names = [who[u].most_common(1)[0][0] for u in uids]
    boxes = np.array([who[u].total() for u in uids], float)
    return [b_cubed(truth, found)[2], *(_named(looks, names, boxes, n) for n in EXAMPLES)]


def _grouped(tracks: list[Seen], apart: I8, head: Head) -> dict[int, int]:
    grouping = Grouping(head["weight"].shape[1], len(head["weight"]))
    for t in tracks:
        vectors = project(t.features, head)
        grouping.add(Seen(t.uid, vectors, t.features, t.seconds, t.score, t.time))
    for one, other in apart.tolist():
        grouping.apart(one, other)
    grouping.regroup(PRIOR_CUT, Acts())
    labels = grouping.labels()
    return dict(zip(labels.uid.tolist(), labels.character.tolist(), strict=True))


def _mean(track: Seen, head: Head) -> F4:
    total = project(track.features, head).sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), np.float32)


def _named(looks: F4, names: list[str], boxes: np.ndarray, examples: int) -> float:
    """Share of the boxes of other tracks that the nearest example names rightly."""
    random = np.random.default_rng(examples)
    called = np.array(names)
    right = total = 0.0
    for _ in range(DRAWS):
        chosen = np.zeros(len(called), bool)
        for name in sorted(set(names)):
            mine = random.permutation(np.flatnonzero(called == name))
            chosen[mine[: min(examples, max(1, len(mine) - 1))]] = True
        if chosen.all() or not chosen.any():
            continue
        said = called[chosen][np.argmax(looks[~chosen] @ looks[chosen].T, axis=1)]
        right += float(boxes[~chosen][said == called[~chosen]].sum())
        total += float(boxes[~chosen].sum())
    return right / total if total else 0.0


def _map(tracks: list[Seen], who: dict[int, Counter[str]], head: Head) -> tuple[Dot, ...]:
    """Tracks by their looks in two dimensions (t-SNE; van der Maaten and Hinton, JMLR 2008)."""
    from sklearn.manifold import TSNE

    kept = tracks[:: -(-len(tracks) // MAPPED)]
    if len(kept) < 5:
        return ()
    looks = np.stack([_mean(t, head) for t in kept])
    near = min(30.0, (len(kept) - 1) / 3)
    place = TSNE(perplexity=near, init="pca", random_state=0, metric="cosine").fit_transform(looks)
    low, high = place.min(axis=0), place.max(axis=0)
    place = (place - low) / np.maximum(high - low, 1e-9)
    return tuple(
        Dot(x, y, t.uid & 0xFFFFFFFF, who[t.uid].most_common(1)[0][0] if t.uid in who else None)
        for (x, y), t in zip(place.tolist(), kept, strict=True)
    )
