"""What frames said at once is judged apart from what was made of it later."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from caststream.evaluation.truth import read_truth
from tools.bench_live_labels import judge


def test_live_labels_are_judged_as_they_were_given(tmp_path: Path) -> None:
    """One track: unknown, c1, unknown, c2, and c1 for good; c2 was merged into c3."""
    said = [None, "c1", None, "c2", "c1"]
    box = {"box": [0, 0, 10, 10], "score": 0.9, "track": 1}
    lines = [
        {"type": "frame", "frame": k, "boxes": [{**box, "character": who}]}
        for k, who in enumerate(said)
    ]
    track = {"type": "track", "track": 1, "start_frame": 0, "end_frame": 5, "character": "c1"}
    merged = {"type": "dictionary", "merged": [{"from": "c2", "to": "c3"}], "relabelled": []}
    truth = {
        "clip": "made", "width": 20, "height": 20, "fps": 4, "frame_count": 5, "complete": True,
        "characters": {"Ada": "somebody"},
        "frames": [
            {"frame": k, "boxes": [{"character": "Ada", "box": [0, 0, 10, 10], "track": 0}]}
            for k in range(5)
        ],
    }  # fmt: skip
    path = tmp_path / "made.truth.json"
    path.write_text(json.dumps(truth))
    live = judge(read_truth(path), [json.dumps(line) for line in [*lines, track, merged]])
    assert live.share == pytest.approx(3 / 5)
    assert live.right == pytest.approx(2 / 3)
    assert (live.goes, live.switches) == (100, 200)
    # Two boxes of c1 together, the three others each alone: precision 1, recall (2 * 2 + 3) / 25.
    recall = (2 * 2 + 3) / 25
    assert live.b_cubed == pytest.approx(2 * recall / (1 + recall))


def test_drawn_episodes_are_looked_at_without_a_film(tmp_path: Path) -> None:
    pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    from tools.drawn_looks import look
    from tools.replay import play

    looks = tmp_path / "show-1-0.looks.npz"
    look(looks, 1, 0, 6.0, (320, 180))
    truth = read_truth(tmp_path / "show-1-0.truth.json")
    play(looks, tmp_path / "labels")
    lines = [json.loads(line) for line in (tmp_path / "labels").read_text().splitlines()]
    frames = [line["frame"] for line in lines if line["type"] == "frame"]
    assert frames == [frame.frame for frame in truth.frames] == list(range(0, 144, 6))
    shots = [line for line in lines if line["type"] == "shot"]
    assert [s["start_frame"] for s in shots[1:]] == [s["end_frame"] for s in shots[:-1]]
    assert len(shots) == 1 + len(truth.boundaries or ())
    with np.load(looks) as kept:
        assert (kept["frames"][:, 1] == np.array(frames) / 24).all()
