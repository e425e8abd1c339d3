"""How many of the triplets mined in drawn films are wrong, by the truth."""

from __future__ import annotations

import av
import numpy as np
from scipy.optimize import linear_sum_assignment

from caststream import messages as m
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from caststream.nodes.mine import Mine
from caststream.nodes.track import Track
from caststream.vision.boxes import iou
from tools.mot_sequences import Sequence


def judged(films: list[Sequence]) -> dict:
    """Counts over all films: triplets, wrong positives, wrong negatives, and pairs apart."""
    totals = {"triplets": 0, "positive is another": 0, "negative is the same": 0,
              "no truth": 0, "tracks": 0, "pairs apart": 0}  # fmt: skip
    for film in films:
        for found, names in _mined(film):
            rows = found.tracks.rows
            a, p, n = (names[found.triplets[:, k]] for k in range(3))
            told = (a != "") & (p != "") & (n != "")
            totals["triplets"] += int(told.sum())
            totals["no truth"] += int((~told).sum())
            totals["positive is another"] += int((told & (a != p)).sum())
            totals["negative is the same"] += int((told & (a == n)).sum())
            totals["tracks"] += len(np.unique(rows.track))
            totals["pairs apart"] += len(found.apart)
    wrong = totals["positive is another"] + totals["negative is the same"]
    return totals | {"wrong, percent": round(100 * wrong / max(1, totals["triplets"]), 2)}


def _mined(film: Sequence) -> list[tuple[m.Mined, np.ndarray]]:
    track, mine = Track(), Mine()
    for node in (track, mine):
        node.open(m.Context())
    assert film.vectors is not None
    made: list[m.Tracks] = []
    shot = 0
    assert film.pictures is not None and film.blends is not None
    # Only its size is asked for: boxes and looks are found already.
    blank = CpuSurface(av.VideoFrame(film.width, film.height, "rgb24"), Scalers())
    for k, (now, found) in enumerate(zip(film.times, film.detections, strict=True)):
        if k in film.cuts:
            made += track.end_shot(m.ShotEnd(m.Shot(shot, 0, k, 0.0, float(now), "cut", 1.0)))
            shot += 1
        frame = m.Frame(k, float(now), Picture(blank))
        source = m.ShotFrame(frame, shot, film.pictures[k], bool(film.blends[k]))
        n = len(found)
        message = m.Embedded(
            m.Detections(source, found[:, :4].astype(np.float32), found[:, 4].astype(np.float32)),
            film.vectors[k], np.zeros((n, 1), np.float16), np.zeros((n, 0, 0, 3), np.uint8), 0,
        )  # fmt: skip
        made += [x for x in track.process(message) if isinstance(x, m.Tracks)]
    made += track.end_stream(m.StreamEnd(0, 0.0, "eof"))
    return [(x, _names(film, t.rows)) for t in made for x in mine.process(t)]


def _names(film: Sequence, rows: m.Rows) -> np.ndarray:
    # The true character of each row, "" where none matches.
    assert film.names is not None
    out = np.full(len(rows), "", object)
    for k in np.unique(rows.frame).tolist():
        at = np.flatnonzero(rows.frame == k)
        truth = film.truth[k]
        if len(truth) == 0:
            continue
        alike = iou(truth[:, :4], rows.box[at])
        for i, j in zip(*linear_sum_assignment(-alike), strict=True):
            if alike[i, j] >= 0.5:
                name = film.names[k][i]
                # Nameless ones are told apart by their tracks.
                out[at[j]] = f"{name} {truth[i, 4]:g}" if name in ("extra", "other") else name
    return out
