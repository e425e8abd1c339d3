"""The detector with the shipped weights, on pictures made here and on a film."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from caststream.evaluation.boundaries import match_boundaries
from caststream.vision.boundary import LOOKAHEAD, BoundaryDetector, Decision
from caststream.vision.boundary_network import SCORED, Answer, BoundaryNetwork

Clip = NDArray[np.uint8]


def shot(seed: int, length: int, hold: int = 1, speed: float = 0.25) -> Clip:
    """A slow pan over coloured patches with a disc that walks about, drawn every ``hold``."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (6, 14, 3)).repeat(9, axis=0).repeat(9, axis=1)
    disc = rng.uniform(0, 255, 3)
    y, x = np.mgrid[0:27, 0:48]
    out = np.empty((length, 27, 48, 3))
    for t in range(length):
        drawn = t // hold * hold
        left = drawn * speed
        whole, share = int(left), left - int(left)
        out[t] = coarse[9:36, whole : whole + 48] * (1 - share)
        out[t] += coarse[9:36, whole + 1 : whole + 49] * share
        spot = np.hypot(y - 13 - 4 * np.sin(drawn / 5 + seed), x - 10 - 0.5 * drawn) < 5
        out[t][spot] = disc
    return out.round().astype(np.uint8)


def decide(clip: Clip, detector: BoundaryDetector | None = None) -> list[Decision]:
    detector = detector or BoundaryDetector()
    out = []
    for i, picture in enumerate(clip):
        out += detector.push(picture, i, i / 24)
    return out + detector.flush()


def begins(clip: Clip) -> list[tuple[int, str]]:
    return [(d.index, d.begins) for d in decide(clip) if d.begins not in (None, "start")]


def mixed(a: Clip, b: Clip, start: int, frames: int) -> Clip:
    """From ``a`` to ``b`` by a dissolve whose mixed frames are start..start + frames - 1."""
    share = np.clip((np.arange(len(a)) - start + 1) / (frames + 1), 0, 1)[:, None, None, None]
    return np.asarray((a * (1 - share) + b * share).round(), np.uint8)


def test_every_frame_comes_back_once_in_order_and_in_time() -> None:
    detector = BoundaryDetector()
    clip = shot(0, 60)
    seen: list[Decision] = []
    for i, picture in enumerate(clip):
        seen += detector.push(picture, 100 + i, i / 24)
        assert len(seen) >= i + 1 - LOOKAHEAD
    seen += detector.flush()
    assert LOOKAHEAD <= 12
    assert [d.index for d in seen] == list(range(100, 160))
    assert [d.time for d in seen] == [i / 24 for i in range(60)]
    assert all((d.small == clip[i]).all() for i, d in enumerate(seen))
    assert [d.begins for d in seen if d.begins] == ["start"]


@pytest.mark.parametrize("length", [0, 1, 5, LOOKAHEAD, LOOKAHEAD + 1])
def test_very_short_streams(length: int) -> None:
    decisions = decide(shot(1, max(length, 1))[:length])
    assert [d.begins for d in decisions] == ["start", *[None] * (length - 1)][:length]


@pytest.mark.parametrize("hold", [1, 2, 3, 4])
def test_a_cut_between_held_drawings_is_found_on_its_frame(hold: int) -> None:
    clip = np.concatenate([shot(2, 48, hold), shot(3, 48, hold), shot(4, 60, hold)])
    assert begins(clip) == [(48, "cut"), (96, "cut")]


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
@pytest.mark.parametrize("shade", [0, 255])
def test_a_flash_is_no_cut(frames: int, shade: int) -> None:
    clip = shot(5, 120)
    clip[60 : 60 + frames] = shade
    assert begins(clip) == []


def test_a_picture_flashing_up_is_no_cut() -> None:
    clip = shot(6, 120)
    clip[60:63] = shot(7, 3)
    assert begins(clip) == []


@pytest.mark.parametrize("frames", [8, 16, 30, 58])
def test_a_dissolve_is_one_boundary_inside_it(frames: int) -> None:
    clip = mixed(shot(8, 180, speed=0.1), shot(9, 180, speed=0.1), 70, frames)
    decisions = decide(clip)
    found = [d.index for d in decisions if d.begins not in (None, "start")]
    assert len(found) == 1
    assert 68 <= found[0] <= 70 + frames + 1
    inside = [d.index for d in decisions if d.blend]
    assert len(set(inside) & set(range(70, 70 + frames))) >= frames // 2


@pytest.mark.parametrize("shade", [0, 255])
def test_a_fade_through_a_colour_is_one_boundary(shade: int) -> None:
    flat = np.full((160, 27, 48, 3), shade, np.uint8)
    a, b = shot(10, 160, speed=0.1), shot(11, 160, speed=0.1)
    clip = mixed(mixed(a, flat, 60, 12), b, 80, 12)
    found = begins(clip)
    assert len(found) == 1
    assert 58 <= found[0][0] <= 94
    assert found[0][1] == "fade"


def test_fades_at_the_ends_are_none() -> None:
    flat = np.zeros((150, 27, 48, 3), np.uint8)
    a = shot(12, 150, speed=0.1)
    clip = mixed(mixed(flat, a, 10, 20), flat, 110, 20)
    assert begins(clip) == []


class Answers(BoundaryNetwork):
    """A network whose answers are written down: one (cut, inside, late) a frame."""

    def __init__(self, answers: list[tuple[float, float, float]]) -> None:
        self._all = answers
        self.reset()

    def reset(self) -> None:
        self._pushed = 0

    def push(self, small: NDArray[np.uint8]) -> Answer | None:
        self._pushed += 1
        at = self._pushed - 1 - SCORED
        if at < 0:
            return None
        return Answer(*self._all[min(at, len(self._all) - 1)], (1.0, 0.0, 0.0))


def test_a_transition_that_falters_is_told_once() -> None:
    quiet, sure = (0.0, 0.1, 0.1), (0.0, 0.9, 0.9)
    answers = [quiet] * 30 + [sure] * 2 + [quiet] * 3 + [sure] * 2 + [quiet] * 30 + [sure] * 2
    detector = BoundaryDetector(Answers(answers + [quiet] * 30))
    told = [d.index for d in decide(shot(1, 100), detector) if d.begins == "dissolve"]
    assert told == [30, 67]


def test_a_wipe_is_one_boundary() -> None:
    a, b = shot(13, 140, speed=0.1), shot(14, 140, speed=0.1)
    clip = a.copy()
    for t in range(60, 140):
        edge = min(48, 3 * (t - 59))
        clip[t, :, :edge] = b[t, :, :edge]
    found = begins(clip)
    assert len(found) == 1
    assert 58 <= found[0][0] <= 77


def test_flush_begins_anew() -> None:
    detector = BoundaryDetector()
    clip = np.concatenate([shot(15, 40), shot(16, 40)])
    first = decide(clip, detector)
    again = decide(clip, detector)
    assert [(d.begins, d.score, d.blend) for d in first] == [
        (d.begins, d.score, d.blend) for d in again
    ]


def test_a_trailer_full_of_fades(shared: Path) -> None:
    import av

    film = shared / "media" / "sintel_trailer.mp4"
    with av.open(str(film)) as container:
        clip = np.stack(
            [
                frame.reformat(48, 27, "rgb24", interpolation="AREA").to_ndarray()
                for frame in container.decode(video=0)
            ]
        )
    truth = json.loads((shared / "media" / "sintel_trailer.truth.json").read_text())
    found = [index for index, _ in begins(clip)]
    assert match_boundaries(found, truth["boundaries"], truth["ambiguous"]).f1 >= 0.85
