"""Fits what ``learning.cast`` makes of a similarity: how likely the nearest character is right.

    python tools/fit_confidence.py show1.looks.npz show2.looks.npz ... [--check film.looks.npz ...]

Takes files of looks (``tools/replay.py look``) with truth beside them: drawn shows that no training
saw to fit on, whatever else to check on. Plays each, notes for every finished track how near the
nearest character of that moment was and how far ahead of the next, and who was really there, and
fits a logistic regression. Prints the constants and the calibration error with and without them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from caststream.evaluation.identity import match_all
from caststream.evaluation.labels import read_labels
from caststream.evaluation.truth import read_truth
from caststream.learning import cast
from caststream.messages import F4, LabelledTracks, Tracks
from caststream.nodes.label import Label
from tools.replay import play


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, help="folder of the truth files of films")
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    parts = [samples(path, args.truth) for path in args.looks]
    x = np.concatenate([p[0] for p in parts])
    y = np.concatenate([p[1] for p in parts])
    weight = np.concatenate([np.full(len(p[1]), 1 / max(1, len(p[1]))) for p in parts])
    model = LogisticRegression(C=1.0).fit(x, y, weight * len(y) / len(parts))
    print(f"{len(y)} tracks, {y.mean():.2f} right")
    print(f"BIAS, STEEP, RIVAL = {model.intercept_[0]:.2f}, {model.coef_[0][0]:.2f}, "
          f"{model.coef_[0][1]:.2f}")  # fmt: skip
    parts += [samples(path, args.truth) for path in args.check]
    for path, (x, y) in zip([*args.looks, *args.check], parts, strict=True):
        now = error(cast.confidence(x[:, 0], x[:, 1]), y)
        fitted = error(model.predict_proba(x)[:, 1], y)
        told = f"{len(y):4d} tracks, {y.mean():.2f} right, error {now:.3f}, fitted {fitted:.3f}"
        print(f"{path.name:40s} {told}")


def samples(looks: Path, truths: Path | None) -> tuple[F4, np.ndarray]:
    """(similarity less the cut, lead) (n, 2) of tracks, and whether the nearest was right (n,)."""
    noted: dict[int, tuple[float, float, int]] = {}
    plain = Label._tracks

    def noting(self: Label, message: Tracks) -> LabelledTracks:
        assert self._cast is not None
        for track in message.tracks:
            vectors = message.rows.vector[message.rows.track == track.id]
            near = self._cast.nearest(vectors.sum(axis=0), message.model)
            if near is not None:
                noted[track.id] = near
        return plain(self, message)

    name = looks.name.removesuffix(".looks.npz")
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.ndjson"
        Label._tracks = noting  # type: ignore[method-assign]
        try:
            play(looks, labels)
        finally:
            Label._tracks = plain  # type: ignore[method-assign]
        with labels.open() as lines:
            found = read_labels(lines)
    matches = match_all(read_truth((truths or looks.parent) / f"{name}.truth.json"), found)
    who: dict[int, Counter[str]] = defaultdict(Counter)
    for box, track in zip(matches.truth, matches.track, strict=True):
        if track is not None:
            who[track][box] += 1
    kept = [(*noted[t][:2], matches.majority.get(f"c{noted[t][2]}"), c.most_common(1)[0][0])
            for t, c in who.items() if t in noted]  # fmt: skip
    pairs = [(a, b, called == real) for a, b, called, real in kept if called is not None]
    table = np.array(pairs, np.float32).reshape(-1, 3)
    return table[:, :2], table[:, 2]


def error(sure: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error in ten bins."""
    place = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(sure[place == b].sum() - right[place == b].sum()) for b in range(10)]
    return float(sum(gaps) / max(1, len(right)))


if __name__ == "__main__":
    main()
