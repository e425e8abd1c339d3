"""Fits what is made of a likeness: how probably the nearest character is the right one.

    python tools/fit_confidence.py show1.looks.npz show2.looks.npz ... [--check film.looks.npz ...]

Takes files of looks (``tools/replay.py look``) with truth beside them: drawn shows that no training
saw to fit on, whatever else to check on. Plays each, notes for every box of a track, from the
third on, how near the nearest character of that moment was and how much agreed, and who was really
there, and fits a logistic regression. Each is looked at once more without its nearest character, as
somebody whom the dictionary does not hold, at a third of the weight. Prints the constants, and the
calibration error with and without them: of boxes, of boxes without their nearest character, and
of what the dictionary says of tracks in the end.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from caststream.evaluation.identity import match_all
from caststream.evaluation.labels import Found, read_labels
from caststream.evaluation.truth import NAMELESS, Truth, read_truth
from caststream.learning.cast import Cast, Verdict
from caststream.learning.confidence import recognised
from caststream.messages import F4
from caststream.nodes.label import MIN_BOXES, Label
from tools.bench_live_labels import said_at_once
from tools.replay import play

STRANGERS = 1 / 3
"""Weight of a box that is looked at as somebody whom the dictionary does not hold."""
Near = tuple[float, float, int]
TRACK = 0xFFFFFFFF
"""Bits of a uid that number a track within its stream."""


@dataclass(frozen=True)
class Samples:
    """Of one show, each (n, 3): how far above the cut, how much agrees, and whether it is right."""

    known: F4
    strangers: F4
    """The same boxes without their nearest character."""
    final: F4
    """(n, 2) what the dictionary says in the end: confidence, and whether it is right."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, help="folder of the truth files of films")
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    shows = [samples(path, args.truth) for path in args.looks]
    parts = [(table, share) for show in shows
             for table, share in ((show.known, 1.0), (show.strangers, STRANGERS))]  # fmt: skip
    table = np.concatenate([part for part, _ in parts])
    # Shows count alike, however long they are.
    weight = np.concatenate([np.full(len(t), 100 * share / max(1, len(t))) for t, share in parts])
    model = LogisticRegression(C=100.0).fit(table[:, :2], table[:, 2], weight)
    print(f"NEW_BIAS, NEW_STEEP, NEW_AGREE = {model.intercept_[0]:.2f}, {model.coef_[0][0]:.2f}, "
          f"{model.coef_[0][1]:.2f}")  # fmt: skip
    print("calibration error (confidence, share that is right); fitted: of boxes, strangers")
    shows += [samples(path, args.truth) for path in args.check]
    for path, show in zip([*args.looks, *args.check], shows, strict=True):
        now = [told(_recognised(t), t[:, 2]) for t in (show.known, show.strangers)]
        fit = [error(model.predict_proba(t[:, :2])[:, 1], t[:, 2]) if len(t) else 0.0
               for t in (show.known, show.strangers)]  # fmt: skip
        print(f"{path.name[:-10]:22s} {len(show.known):4d} boxes {now[0]}, strangers {now[1]}, "
              f"in the end {told(*show.final.T)}; fitted {fit[0]:.3f}, {fit[1]:.3f}",
              flush=True)  # fmt: skip


def samples(looks: Path, truths: Path | None) -> Samples:
    """Play a show, and see how near its boxes were to whom, and who they were."""
    noted: list[tuple[int, Near, Near | None]] = []
    plain = Label._look

    def noting(self: Label, track: int, vector: F4, model: int) -> Verdict:
        verdict = plain(self, track, vector, model)
        assert self._cast is not None
        looks = self._online.get(track)
        if looks is not None and looks.count >= MIN_BOXES:
            near = self._cast.nearest(looks.sum, looks.model)
            if near is not None:
                without = self._cast.nearest(looks.sum, looks.model, near[2])
                noted.append((track, near, without))
        return verdict

    name = looks.name.removesuffix(".looks.npz")
    with tempfile.TemporaryDirectory() as folder:
        labels, store = Path(folder) / "labels.ndjson", Path(folder) / "s.zarr"
        Label._look = noting  # type: ignore[method-assign]
        try:
            play(looks, labels, store)
        finally:
            Label._look = plain  # type: ignore[method-assign]
        lines = labels.read_text(encoding="utf-8").splitlines()
        cast = Cast(store)
    truth, found = read_truth((truths or looks.parent) / f"{name}.truth.json"), read_labels(lines)
    majority, who = match_all(truth, found).majority, who_is_who(truth, found)
    # As the tracks were numbered before a shot's end joined some of them.
    online = who_is_who(truth, said_at_once(lines))

    def right(real: str, character: int) -> bool:
        return bool(real) and real not in NAMELESS and majority.get(f"c{character}") == real

    uids = cast.published.label_uid
    final = zip((uids & TRACK).tolist(), *(x.tolist() for x in cast.of_tracks(uids)), strict=True)
    seen = [(online[t], near, without) for t, near, without in noted if t in online]
    return Samples(
        _table([(*a[:2], right(real, a[2])) for real, a, _ in seen], 3),
        _table([(*b[:2], right(real, b[2])) for real, _, b in seen if b], 3),
        _table([(sure, right(who[t], c)) for t, c, sure in final if t in who and c >= 0], 2),
    )


def who_is_who(truth: Truth, found: Found) -> dict[int, str]:
    """Who is in the boxes of each track, "" for nobody; without tracks that no truth tells of."""
    matches = match_all(truth, found)
    holds: dict[int, Counter[str]] = defaultdict(Counter)
    for box, track in zip(matches.truth, matches.track, strict=True):
        if track is not None:
            holds[track][box] += 1
    who = {track: count.most_common(1)[0][0] for track, count in holds.items()}
    # Whatever was seen in an annotated picture and is on no true box is nobody.
    for frame in truth.frames:
        if not any(frame.ignore):
            for track in found.at(frame.frame, 1).tracks:
                if track is not None:
                    who.setdefault(track, "")
    return who


def _recognised(table: F4) -> F4:
    return np.array([recognised(above, agree) for above, agree, _ in table.tolist()], np.float32)


def _table(rows: Sequence[tuple[float, ...]], width: int) -> F4:
    return np.array(rows, np.float32).reshape(-1, width)


def told(sure: F4, right: F4) -> str:
    """Error, mean confidence and share that is right."""
    if not len(right):
        return "-"
    return f"{error(sure, right):.3f} ({sure.mean():.2f}, {right.mean():.2f})"


def error(sure: F4, right: F4) -> float:
    """Expected calibration error in ten bins."""
    place = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(sure[place == b].sum() - right[place == b].sum()) for b in range(10)]
    return float(sum(gaps) / max(1, len(right)))


if __name__ == "__main__":
    main()
