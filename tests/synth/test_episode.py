"""Episodes: the same seeds give the same film, and the truth says what was drawn."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import skia

from tools.synth.episode import Truth, ambiguous, boundaries, make_episode
from tools.synth.film import frames
from tools.synth.layers import SOLID
from tools.synth.painter import ShotPainter
from tools.synth.script import TRANSITIONS, Script, make_script
from tools.synth.staging import draw_stand

SMALL: dict[str, Any] = {"seconds": 6.0, "width": 96, "height": 54, "fps": 12.0}


def small_script(show: int, episode: int = 0) -> Script:
    return make_script(show_seed=show, episode_seed=episode, **SMALL)


def test_same_seeds_draw_the_same_frames() -> None:
    first = [(picture.tobytes(), info) for picture, info in frames(small_script(5, 1))]
    second = [(picture.tobytes(), info) for picture, info in frames(small_script(5, 1))]
    assert first == second
    assert len(first) == 72


def test_episodes_of_a_show_share_cast_and_places_but_not_shots() -> None:
    one, two, other = small_script(9, 1), small_script(9, 2), small_script(10, 1)
    assert one.cast == two.cast
    assert one.style == two.style
    assert one.shots != two.shots
    assert one.cast != other.cast
    assert 4 <= len(one.cast) <= 8


def test_no_cut_between_two_views_of_one_empty_place() -> None:
    empty = 0
    for show in range(40):
        script = make_script(show_seed=show, episode_seed=0, **{**SMALL, "seconds": 120.0})
        for before, after in itertools.pairwise(script.shots):
            if not before.actors and not after.actors:
                empty += 1
                assert before.scene is not after.scene
    assert empty > 3


@pytest.mark.parametrize("show", range(12))
def test_script_covers_the_film_without_holes(show: int) -> None:
    script = make_script(show_seed=show, episode_seed=show, seconds=90, width=96, height=54, fps=24)
    assert script.shots[0].first == 0
    assert script.shots[-1].last == script.frame_count - 1
    assert len(script.transitions) == len(script.shots) - 1
    end = -1
    for before, after, change in zip(
        script.shots, script.shots[1:], script.transitions, strict=False
    ):
        assert change.kind in TRANSITIONS
        assert end < change.start <= change.end
        end = change.end
        if change.kind == "cut":
            assert after.first == change.start == before.last + 1
        elif change.kind == "fade":
            assert change.start <= before.last < after.first <= change.end
        else:
            assert after.first == change.start
            assert before.last == change.end


@pytest.mark.parametrize("show", range(4))
def test_truth_is_valid(show: int) -> None:
    script = small_script(show)
    truth = Truth(script)
    shots: dict[int, set[int]] = {}
    for _, info in frames(script):
        truth.add(info)
        for box, seen in zip(truth.as_dict("x")["frames"][-1]["boxes"], info.seen, strict=True):
            shots.setdefault(box["track"], set()).add(seen.shot)
    told = truth.as_dict("clip.mp4")
    assert told["complete"] is True
    assert [f["frame"] for f in told["frames"]] == list(range(script.frame_count))
    assert all(len(owners) == 1 for owners in shots.values())
    names = set(told["characters"]) | {"extra"}
    for frame in told["frames"]:
        tracks = [b["track"] for b in frame["boxes"]]
        assert len(tracks) == len(set(tracks))
        for box in frame["boxes"]:
            x, y, w, h = box["box"]
            assert 0 <= x < x + w <= 96
            assert 0 <= y < y + h <= 54
            assert 0.0 <= box["visible"] <= 1.0
            assert box["character"] in names


def test_boundaries_are_where_the_picture_changes() -> None:
    """Between two fixed shots of different places a cut changes the picture at its frame only."""
    found = 0
    for show in range(30):
        script = small_script(show)
        cuts = [
            t.start
            for a, b, t in zip(script.shots, script.shots[1:], script.transitions, strict=False)
            if t.kind == "cut" and a.scene != b.scene
        ]
        if not cuts:
            continue
        pictures = [picture.astype(int) for picture, _ in frames(script)]
        changes = [0.0] + [float(np.abs(a - b).mean()) for a, b in itertools.pairwise(pictures)]
        for cut in cuts:
            assert changes[cut] > 1.0
        found += len(cuts)
        if found > 5:
            return
    pytest.fail("no cuts were drawn")


def test_boxes_fit_the_drawn_character() -> None:
    """The box of an unhidden character spans the pixels that the character alone covers."""
    checked = 0
    for show in range(40):
        script = make_script(
            show_seed=show, episode_seed=0, seconds=2, width=160, height=90, fps=12
        )
        shot = script.shots[0]
        if shot.camera == "shake" or shot.effects:
            continue
        painter = ShotPainter(script, 0)
        _, seen, _ = painter.paint(0)
        x, y, zoom = shot.views[0]
        for one in seen:
            if one.visible < 1.0:
                continue
            alone = np.zeros((90, 160, 4), np.uint8)
            canvas = skia.Surface(alone).getCanvas()
            canvas.translate(80 - x * 90 * zoom, 45 - y * 90 * zoom)
            canvas.scale(zoom, zoom)
            draw_stand(canvas, shot.actors[one.actor].stand(0.0), 90)
            rows, columns = np.nonzero(alone[..., 3] > SOLID)
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.subtract(box, one.box)).max() <= 1.0
            checked += 1
    assert checked >= 10


def test_episode_file_matches_its_truth(tmp_path: Path) -> None:
    path = make_episode(tmp_path / "a.mp4", show_seed=1, episode_seed=2, **SMALL)
    assert path == tmp_path / "a.truth.json"
    truth = json.loads(path.read_text())
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None
        assert float(stream.average_rate) == truth["fps"] == 12.0
        assert (stream.width, stream.height) == (truth["width"], truth["height"])
        decoded = list(container.decode(stream))
    assert len(decoded) == truth["frame_count"] == 72
    script = small_script(1, 2)
    assert truth["boundaries"] == boundaries(script)
    assert truth["ambiguous"] == ambiguous(script)
    first = next(iter(frames(script)))[0].astype(int)
    assert np.abs(decoded[0].to_ndarray(format="rgb24").astype(int) - first).mean() < 12
