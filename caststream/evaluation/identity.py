"""How well characters were told apart and named: clustering figures beside B-cubed.

All of it is over matched boxes. Homogeneity, completeness and V are Rosenberg and Hirschberg's
(EMNLP 2007), ARI and AMI are corrected for chance (Hubert and Arabie, 1985; Vinh, Epps and Bailey,
JMLR 2010). As in B-cubed, a box that was found as nobody is alone in a cluster of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from caststream.evaluation.labels import Found
from caststream.evaluation.scores import REACH_SECONDS, match_boxes
from caststream.evaluation.truth import NAMELESS, Truth
from caststream.messages import I8

REST = "(nameless)"
"""Row and column of the confusion matrix for characters that the truth gives no name."""
UNKNOWN = "(unknown)"
"""Column for boxes that were found and labelled as nobody."""
MISSED = "(not found)"
"""Column for true boxes that no detection matched."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Matched boxes, one entry each, and what was missed."""

    truth: tuple[str, ...]
    """Name in the truth file, also of ``NAMELESS`` ones."""
    found: tuple[str | None, ...]
    """Final character, None where unknown."""
    track: tuple[int | None, ...]
    missed: Counter[str]
    """True boxes without a detection, by name."""

    @property
    def majority(self) -> dict[str, str]:
        """What each found character is called once it has been named by what it mostly holds."""
        holds: dict[str, Counter[str]] = defaultdict(Counter)
        for name, character in zip(self.truth, self.found, strict=True):
            if character is not None:
                holds[character][name] += 1
        return {c: max(sorted(held), key=lambda n: held[n]) for c, held in holds.items()}


def match_all(truth: Truth, found: Found) -> Matches:
    """Match the boxes of all annotated frames, by the rules of ``scores.score``."""
    reach = max(1, round(REACH_SECONDS * truth.fps))
    names: list[str] = []
    characters: list[str | None] = []
    tracks: list[int | None] = []
    missed: Counter[str] = Counter()
    for frame in truth.frames:
        here = found.at(frame.frame, reach)
        home, _ = match_boxes(frame.boxes, here.boxes, here.scores, frame.ignore)
        for i, place in enumerate(home):
            if place >= 0:
                names.append(frame.characters[place])
                characters.append(here.characters[i])
                tracks.append(here.tracks[i])
        hit = set(home)
        for i, name in enumerate(frame.characters):
            missed[name] += i not in hit and not frame.ignore[i]
    return Matches(tuple(names), tuple(characters), tuple(tracks), missed)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Who was taken for whom once every found character is named by majority."""

    truth: tuple[str, ...]
    """Rows: names by number of boxes, then ``REST`` where there are such boxes."""
    called: tuple[str, ...]
    """Columns: the same names, then ``UNKNOWN`` and ``MISSED``."""
    counts: tuple[tuple[int, ...], ...]


def confusion(matches: Matches) -> Confusion:
    """The confusion matrix of all true boxes."""
    majority = matches.majority
    said = [UNKNOWN if c is None else _row(majority[c]) for c in matches.found]
    truth = [_row(name) for name in matches.truth]
    missed: Counter[str] = Counter()
    for name, count in matches.missed.items():
        missed[_row(name)] += count
    total = Counter(truth) + missed
    named = sorted((n for n in total if n != REST), key=lambda n: (-total[n], n))
    rows = (*named, *([REST] if total[REST] or REST in said else []))
    columns = (*rows, UNKNOWN, MISSED)
    cells = Counter(zip(truth, said, strict=True))
    cells.update({(name, MISSED): count for name, count in missed.items()})
    counts = tuple(tuple(cells[row, column] for column in columns) for row in rows)
    return Confusion(rows, columns, counts)


def _row(name: str) -> str:
    return REST if name in NAMELESS else name


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Figures over matched boxes of named characters."""

    boxes: int
    characters: int
    """Named characters among them."""
    homogeneity: float
    completeness: float
    v_measure: float
    ari: float
    ami: float
    nmi: float
    purity: float
    """Share of the boxes with a character that are of its majority."""
    k_error: int
    """Found characters that hold any of these boxes, less the true ones: 3 means 3 too many."""
    noise_share: float
    """Share of boxes found as nobody."""
    macro_f1: float
    """Mean over characters of F1 after naming by majority; nameless boxes count as mistakes."""

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


def identity_scores(matches: Matches) -> IdentityScores | None:
    """All figures; None where no named character's box was matched."""
    from sklearn.metrics import (
        adjusted_mutual_info_score,
        adjusted_rand_score,
        homogeneity_completeness_v_measure,
        normalized_mutual_info_score,
    )

    pairs = [(t, f) for t, f in zip(matches.truth, matches.found, strict=True) if t not in NAMELESS]
    if not pairs:
        return None
    known = [(t, f) for t, f in pairs if f is not None]
    truth = _numbers([t for t, _ in pairs])
    cluster = _numbers([f if f is not None else f"\0{i}" for i, (_, f) in enumerate(pairs)])
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(truth, cluster)
    return IdentityScores(
        boxes=len(pairs),
        characters=len(set(truth)),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        v_measure=float(v_measure),
        ari=float(adjusted_rand_score(truth, cluster)),
        ami=float(adjusted_mutual_info_score(truth, cluster)),
        nmi=float(normalized_mutual_info_score(truth, cluster)),
        purity=_purity(known),
        k_error=len({f for _, f in known}) - len(set(truth)),
        noise_share=1 - len(known) / len(pairs),
        macro_f1=macro_f1(matches),
    )


def macro_f1(matches: Matches) -> float:
    """Mean F1 of the named characters among the matched boxes, named by majority."""
    majority = matches.majority
    called = [None if c is None else majority[c] for c in matches.found]
    true, said = Counter(matches.truth), Counter(called)
    right = Counter(t for t, c in zip(matches.truth, called, strict=True) if t == c)
    names = sorted(n for n in true if n not in NAMELESS)
    if not names:
        return 0.0
    return sum(2 * right[n] / (true[n] + said[n]) for n in names) / len(names)


def _purity(known: Sequence[tuple[str, str | None]]) -> float:
    holds: dict[str | None, Counter[str]] = defaultdict(Counter)
    for name, character in known:
        holds[character][name] += 1
    return sum(max(held.values()) for held in holds.values()) / len(known) if known else 0.0


def _numbers(labels: Sequence[str]) -> I8:
    return np.unique(np.array(labels, object), return_inverse=True)[1].astype(np.int64)
