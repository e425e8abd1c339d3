"""The `track` node: online ids at once, refined tracks at a shot's end."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import pytest
from embedded import box, embedded, shot_end
from PIL import Image

from caststream import messages as m
from caststream.errors import CaststreamError
from caststream.nodes.track import Track

RED, BLUE = np.eye(8)[:2]


def opened(**settings: object) -> Track:
    node = Track(**settings)  # type: ignore[arg-type]
    node.open(m.Context())
    return node


def two_walkers(node: Track, first: int = 0, frames: int = 12, shot: int = 0) -> list[m.Tracked]:
    out = []
    for k in range(first, first + frames):
        boxes = [box(100 + 4 * k), box(700 - 4 * k)]
        out += list(node.process(embedded(6 * k, 0.25 * k, boxes, [RED, BLUE], shot)))
    return [x for x in out if isinstance(x, m.Tracked)]


def only(messages: Iterable[m.Tracked | m.Tracks]) -> m.Tracks:
    (one,) = messages
    assert isinstance(one, m.Tracks)
    return one


def test_each_frame_at_once_then_the_shot() -> None:
    node = opened()
    tracked = two_walkers(node)
    assert [t.tracks.tolist() for t in tracked] == [[0, 1]] * 12
    tracks = only(node.end_shot(shot_end()))
    assert [(t.id, t.boxes, t.start_frame, t.end_frame) for t in tracks.tracks] == [
        (0, 12, 0, 67),
        (1, 12, 0, 67),
    ]
    rows = tracks.rows
    assert rows.frame.tolist() == sorted(rows.frame.tolist())
    assert (rows.box[rows.track == 0, 0] == 100 + 4 * np.arange(12)).all()
    assert rows.vector.shape == (24, 8) and rows.features.shape == (24, 4)
    assert all(t.exemplar in rows.frame[rows.track == t.id] for t in tracks.tracks)


def test_a_cut_ends_all_tracks_and_ids_are_never_used_twice() -> None:
    node = opened()
    two_walkers(node)
    first = only(node.end_shot(shot_end()))
    tracked = two_walkers(node, 12, shot=1)
    second = only(node.end_shot(shot_end(1)))
    assert tracked[0].tracks.tolist() == [2, 3]
    assert second.shot == 1
    assert not {t.id for t in first.tracks} & {t.id for t in second.tracks}


def test_a_shot_with_nobody_gives_its_frames_alone() -> None:
    node = opened()
    tracked = [x for k in range(4) for x in node.process(embedded(k, 0.25 * k, [], []))]
    assert [t.tracks.shape for t in tracked if isinstance(t, m.Tracked)] == [(0,)] * 4
    tracks = only(node.end_shot(shot_end()))
    assert tracks.tracks == () and len(tracks.rows) == 0
    assert tracks.frames.tolist() == [0, 1, 2, 3]
    assert list(node.end_shot(shot_end(1))) == []


def test_a_split_gets_a_new_id_and_names_its_online_track() -> None:
    node = opened(memory=9.0)
    node.process(embedded(0, 0.0, [], []))
    for k in range(16):
        looks = RED if k < 8 else BLUE
        place = 100 if k < 8 else 125
        for out in node.process(embedded(k, 0.25 * k, [box(place)], [looks])):
            assert isinstance(out, m.Tracked)
    tracks = only(node.end_shot(shot_end()))
    ids = {t.id for t in tracks.tracks}
    assert len(ids) == len(tracks.tracks) == 2
    assert {0} <= ids


def test_crops_are_few_spread_and_readable() -> None:
    node = opened(views=3)
    two_walkers(node, frames=40)
    rows = only(node.end_shot(shot_end())).rows
    for track in (0, 1):
        own = [c for c, t in zip(rows.crop, rows.track.tolist(), strict=True) if t == track]
        kept = [k for k, c in enumerate(own) if c]
        assert len(kept) == 3 and kept[-1] - kept[0] > 20
        assert Image.open(io.BytesIO(own[kept[0]])).size == (16, 16)


def test_exemplar_has_a_crop() -> None:
    node = opened(views=2)
    two_walkers(node, frames=30)
    tracks = only(node.end_shot(shot_end()))
    rows = tracks.rows
    for t in tracks.tracks:
        (at,) = np.flatnonzero((rows.track == t.id) & (rows.frame == t.exemplar))
        assert rows.crop[at]


@pytest.mark.parametrize(
    ("gap", "ends"),
    [
        (m.Gap("dropped", 3.0, 3.5, 10), False),
        (m.Gap("dropped", 3.0, 30.0, 600), True),
        (m.Gap("resized", 3.0, 3.04, 0), True),
    ],
)
def test_a_jump_of_the_input_ends_tracks(gap: m.Gap, ends: bool) -> None:
    node = opened()
    two_walkers(node)
    given = list(node.mark(gap))
    assert len(given) == (1 if ends else 0)
    boxes = [box(150), box(650)]
    (tracked,) = node.process(embedded(99, gap.end, boxes, [RED, BLUE]))
    assert isinstance(tracked, m.Tracked)
    assert tracked.tracks.tolist() == ([2, 3] if ends else [0, 1])


def test_a_shot_without_end_is_given_out_in_windows() -> None:
    node = opened(window=16.0, memory=2.0)
    found: list[m.Tracks] = []
    for k in range(600):
        boxes = [box(100), box(400 + 40 * np.sin(k / 9))]
        for out in node.process(embedded(k, 0.25 * k, boxes, [RED, BLUE])):
            if isinstance(out, m.Tracks):
                found.append(out)
        assert node._count < 2 * 16 / 0.25 + 4
    found += list(node.end_shot(shot_end()))
    ids = [t.id for x in found for t in x.tracks]
    assert len(found) > 5 and len(set(ids)) == len(ids)
    frames = np.concatenate([x.rows.frame for x in found])
    assert len(frames) == 1200 and (np.bincount(frames) == 2).all()


def test_another_model_begins_anew() -> None:
    node = opened()
    two_walkers(node)
    (given, tracked) = node.process(embedded(99, 3.0, [box(148)], [RED], model=1))
    assert isinstance(given, m.Tracks) and given.model == 0
    assert isinstance(tracked, m.Tracked) and tracked.tracks.tolist() == [2]


def test_bad_boxes_stay_without_a_track() -> None:
    node = opened()
    nan = float("nan")
    boxes = [[nan, 0, 10, 10], [5, 5, 5, 9], box(100)]
    (tracked,) = node.process(embedded(0, 0.0, boxes, [RED, RED, BLUE]))
    assert isinstance(tracked, m.Tracked)
    assert tracked.tracks.tolist() == [-1, -1, 0]
    assert len(only(node.end_shot(shot_end())).rows) == 1


@pytest.mark.parametrize(
    "settings", [{"memory": 0}, {"window": 1.0}, {"views": 0}, {"costs": "cheap"}]
)
def test_settings_that_cannot_be_meant(settings: dict[str, object]) -> None:
    with pytest.raises(CaststreamError, match=next(iter(settings))):
        Track(**settings)  # type: ignore[arg-type]


def test_a_pan_changes_nobody() -> None:
    node = opened()
    world = np.kron(np.random.default_rng(1).integers(0, 255, (9, 30)), np.ones((3, 3)))
    world = world.astype(np.uint8)[..., None].repeat(3, axis=2)
    left = np.array([100.0, 190.0, 280.0, 370.0, 460.0])
    # From the seventh picture on 3 small pixels (60 of the source's), nearer to the neighbour.
    for k in range(8):
        at = 12 - 3 * max(0, k - 5)
        boxes = [box(x + 60 * max(0, k - 5)) for x in left]
        frame = embedded(k, 0.25 * k, boxes, np.zeros((5, 8)), small=world[:, at : at + 48].copy())
        (tracked,) = node.process(frame)
        assert isinstance(tracked, m.Tracked) and tracked.tracks.tolist() == [0, 1, 2, 3, 4]
    rows = only(node.end_shot(shot_end()))
    stood = np.stack([rows.still[rows.rows.track == k, 0] for k in range(5)])
    assert np.abs(stood - (left + 120 - 480)[:, None]).max() < 6


def test_boxes_that_nobody_follows_are_told_of() -> None:
    node = opened()
    for k in range(8):
        boxes = [box(100), box(500)] + ([[110, 110, 140, 160]] if k == 4 else [])
        frame = embedded(k, 0.25 * k, boxes, np.zeros((len(boxes), 8)))
        frame.detections.scores[2:] = 0.3
        list(node.process(frame))
    found = only(node.end_shot(shot_end()))
    assert len(found.rows) == 16
    told = found.shared[(found.rows.track == 0) & (found.rows.frame == 4)]
    assert told.tolist() == [1.0] and found.shared.sum() == 1.0
