"""What the trainers learn from depends on a seed and a number alone: a stopped run can go on."""

from __future__ import annotations

import numpy as np
import pytest

from tools.detector_data import Mixture, Sample, mirrored, recoloured, window

SIZE = (96, 64)


def square(seed: int) -> Sample:
    """A picture with one bright square on a dark ground."""
    rng = np.random.default_rng(seed)
    picture = np.full((72, 128, 3), 20, np.uint8)
    x, y = rng.integers(5, 80), rng.integers(5, 40)
    picture[y : y + 24, x : x + 30] = 230
    box = np.array([[x, y, x + 30, y + 24]], np.float32)
    return Sample(picture, box, np.array([False]))


def test_batches_depend_on_seed_and_number_alone() -> None:
    mixture = Mixture([(1.0, [square(k) for k in range(5)])], 3, (SIZE, (64, 64)), 7)
    whole = list(mixture.batches(0, 4))
    late = list(mixture.batches(2, 4))
    for batch, again in zip(whole[2:], late, strict=True):
        for sample, same in zip(batch, again, strict=True):
            np.testing.assert_array_equal(sample.picture, same.picture)
            np.testing.assert_array_equal(sample.boxes, same.boxes)
    assert not np.array_equal(whole[0][0].picture, whole[1][0].picture)


def test_boxes_stay_on_what_they_frame() -> None:
    found = 0
    for seed in range(40):
        sample = window(np.random.default_rng(seed), mirrored(square(seed)), SIZE)
        assert sample.picture.shape == (64, 96, 3)
        for box, ignore in zip(sample.boxes, sample.ignore, strict=True):
            if ignore or (box[2:] - box[:2]).min() < 12:
                continue
            left, top, right, bottom = (round(float(v)) for v in box)
            inside = sample.picture[top + 2 : bottom - 2, left + 2 : right - 2]
            assert inside.mean() > 200
            found += 1
    assert found > 20


def test_redrawn_pictures_keep_size_and_type() -> None:
    picture = square(0).picture
    changed = 0
    for seed in range(60):
        out = recoloured(np.random.default_rng(seed), picture)
        assert out.shape == picture.shape and out.dtype == np.uint8
        changed += not np.array_equal(out, picture)
    assert changed > 40


def test_clips_depend_on_seed_and_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = pytest.importorskip("tools.train_boundary", reason="needs numba and torch")
    monkeypatch.setattr(trainer, "POOL", 8)
    shows = [trainer.make_show(np.random.default_rng(k), shots=3) for k in range(2)]
    run = trainer.Clips(shows, shows, [], 5)
    whole = [run.batch(step) for step in range(4)]
    late = trainer.Clips(shows, shows, [], 5).batch(3)
    for column, again in zip(whole[3], late, strict=True):
        np.testing.assert_array_equal(column.numpy(), again.numpy())
    assert len(run.pool) == 8
    assert not np.array_equal(whole[2][0].numpy(), whole[3][0].numpy())


def test_what_is_learnt_from_kept_maps_is_what_is_learnt_from_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = pytest.importorskip("tools.train_boundary", reason="needs numba and torch")
    monkeypatch.setattr(trainer, "POOL", 8)
    shows = [trainer.make_show(np.random.default_rng(k), shots=3) for k in range(2)]
    model = trainer.BoundaryModel()
    pictures = trainer.Clips(shows, [], [], 5).batch(2)
    maps = trainer.Clips(shows, [], [], 5, eyes=model).batch(2)
    assert len(pictures) == 5
    assert len(maps) == 5
    loss = trainer.loss_of(model, pictures).item()
    assert trainer.loss_of(model, maps).item() == pytest.approx(loss, rel=0.01)


def test_shots_of_the_drawn_shows_keep_their_order_and_motion() -> None:
    drawn = pytest.importorskip("tools.boundary_drawn", reason="needs numba and skia")
    shots = drawn.draw_show(3)
    assert len(shots) > 3
    for shot in shots:
        assert shot.shape[1:] == (27, 48, 3)
        assert 16 <= len(shot) <= 120
        assert shot[0].std() > 2
    assert any((shot[0] != shot[-1]).any() for shot in shots)
    again = drawn.draw_show(3)
    assert all((a == b).all() for a, b in zip(shots, again, strict=True))
