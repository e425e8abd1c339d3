from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.messages import Context
from caststream.nodes import catalogue
from tools.replay import Kept, look, play


def frames(labels: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in labels.read_text().splitlines()]
    return [line for line in lines if line["type"] == "frame"]


def test_what_was_seen_is_labelled_as_the_film_is(tmp_path: Path) -> None:
    pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    from tools.synth.episode import make_episode

    film, looks = tmp_path / "film.mp4", tmp_path / "film.looks.npz"
    make_episode(film, show_seed=1_000_100, episode_seed=0, seconds=5.0, width=320, height=180)
    store, labels = str(tmp_path / "s"), str(tmp_path / "a")
    context = Context(uri=str(film), store=store, labels=labels, quiet=True)
    Run(load_graph("archive", catalogue()), context).run()
    look(film, looks)
    play(looks, tmp_path / "b")
    seen = frames(tmp_path / "a")
    assert any(box["track"] is not None for frame in seen for box in frame["boxes"])
    assert frames(tmp_path / "b") == seen


def test_a_picture_that_is_gone_knows_its_place() -> None:
    kept = Kept(np.array([20, 0, 620, 360], np.float32))  # bars at the sides are cut off
    boxes = np.array([[0, 0, 64, 36], [32, 18, 48, 36]], np.float32)
    found = kept.boxes_from(boxes, 64, 36)
    np.testing.assert_allclose(found, [[20, 0, 620, 360], [320, 180, 470, 360]])
