"""What the trainers learn from depends on a seed and a number alone: a stopped run can go on."""

from __future__ import annotations

import numpy as np
import pytest

from tools.course import Course, ahead
from tools.detector_data import FRESH, KEPT, Fresh, Mixture, Sample, mirrored, recoloured, window

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
    whole = [mixture[number] for number in range(4)]
    for workers in (0, 2):
        late = ahead(mixture, 2, workers)
        for batch in whole[2:]:
            for part, again in zip(batch, next(late), strict=True):
                np.testing.assert_array_equal(part, again.numpy())
    assert not np.array_equal(whole[0].pictures, whole[1].pictures)
    assert (whole[0].true | whole[0].fog).any()
    assert not (whole[0].true & whole[0].fog).any()


def test_fresh_pictures_are_the_same_where_a_run_goes_on() -> None:
    pytest.importorskip("skia", reason="needs skia")
    through, late = Fresh(3, 64, 36), Fresh(3, 64, 36)
    for batch in range(1, 2 * KEPT + 6, 2):
        through.go_to(batch, 2)
    late.go_to(batch, 2)
    assert len(through) == len(late) == KEPT * FRESH
    for sample, again in zip(through, late, strict=True):
        np.testing.assert_array_equal(sample.picture, again.picture)
        np.testing.assert_array_equal(sample.boxes, again.boxes)
    assert not np.array_equal(late[0].picture, late[FRESH].picture)


def test_a_course_ends_with_its_batches_or_with_its_time() -> None:
    assert [Course(4, None).share(number) for number in (0, 2, 4, 9)] == [0, 0.5, 1, 1]
    by_the_clock = Course(4, 60.0, spent=30.0)
    assert 0.5 <= by_the_clock.share(4) < 1
    assert Course(4, 60.0, spent=61.0).share(0) == 1


def test_boxes_that_fill_up_a_batch_teach_nothing() -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    from caststream.vision.cells import cells
    from tools.detector_loss import assign, boxes_of, detection_loss

    generator = torch.Generator().manual_seed(4)
    grid = torch.from_numpy(cells(64, 96).copy())
    logits = torch.randn(2, len(grid), generator=generator)
    bins = torch.randn(2, len(grid), 4, 8, generator=generator)
    boxes = torch.tensor([[[8.0, 8, 40, 56], [50, 10, 90, 40]], [[0, 0, 30, 30], [4, 4, 9, 9]]])
    true = torch.tensor([[True, True], [True, False]])
    fog = torch.tensor([[False, False], [False, True]])
    loss, parts = detection_loss(logits, bins, grid, boxes, true, fog)
    filled = [torch.cat((part, torch.zeros_like(part)), 1) for part in (boxes, true, fog)]
    again, _ = detection_loss(logits, bins, grid, *filled)
    torch.testing.assert_close(loss, again)
    one, _ = detection_loss(logits[:1], bins[:1], grid, boxes[:1], true[:1], fog[:1])
    assert one < loss * 2 and parts.shape == (2,)
    owner = assign(logits, boxes_of(bins, grid), grid, boxes, true)
    assert owner.shape == logits.shape and set(owner[1].tolist()) == {-1, 0}
    for number in (0, 1):
        inside = grid[owner[0] == number]
        middle = inside[:, :2] + inside[:, 2:] / 2
        assert len(inside) and (middle > boxes[0, number, :2] - 12).all()
        assert (middle < boxes[0, number, 2:] + 12).all()


def test_crops_of_a_drawing_are_those_of_a_decoded_picture() -> None:
    av = pytest.importorskip("av", reason="needs PyAV")
    pytest.importorskip("skia", reason="needs skia")
    from caststream.media.picture import Picture
    from caststream.media.surface import CpuSurface, Scalers
    from tools.embedder_data import Drawing

    picture = np.array(square(2).picture)
    picture[:, ::3] //= 2
    boxes = np.array([[10, 8, 60, 50], [90, 40, 128, 72]], np.float32)
    decoded = Picture(CpuSurface(av.VideoFrame.from_ndarray(picture), Scalers()))
    crops = Picture(Drawing(picture)).crops(boxes, 64).astype(int)
    assert abs(crops - decoded.crops(boxes, 64)).max() <= 3


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
