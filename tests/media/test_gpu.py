"""The GPU's arithmetic on tensors of the processor, and how its absence is taken.

What needs a GPU is skipped without one: decoding on NVDEC, planes without a copy.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from films import read_number, write_film

from caststream.media import hardware
from caststream.media.gpu import TorchSurface, weights
from caststream.media.hardware import find_decoder, has_driver
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers, rgb_matrix, settle_colors
from caststream.vision.detector import Detector


def picture(width: int = 96, height: int = 64) -> av.VideoFrame:
    """Soft waves of colour, as NV12 in BT.709."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + phase) + np.cos(y / 7 + 2 * phase) for phase in (0, 1, 2)]
    colors = (127 + 60 * np.stack(waves, axis=2)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(colors, "rgb24").reformat(
        format="nv12", dst_colorspace="ITU709"
    )
    settle_colors(frame)
    frame.colorspace = 1
    return frame


def planes(frame: av.VideoFrame) -> tuple[torch.Tensor, torch.Tensor]:
    luma, chroma = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        for plane in frame.planes
    )
    width, height = frame.width, frame.height
    pairs = np.ascontiguousarray(chroma[:, :width]).reshape(height // 2, width // 2, 2)
    return torch.tensor(np.ascontiguousarray(luma[:, :width])), torch.tensor(pairs)


def surface(frame: av.VideoFrame) -> TorchSurface:
    return TorchSurface(*planes(frame), int(frame.colorspace), int(frame.color_range))


@pytest.mark.parametrize("size", [(96, 64), (48, 27), (64, 36)])
def test_resizing_is_that_of_the_processor(size: tuple[int, int]) -> None:
    frame = picture()
    ours = surface(frame).resized(*size).astype(int)
    theirs = CpuSurface(frame, Scalers()).resized(*size).astype(int)
    assert ours.shape == theirs.shape
    # swscale rounds downwards, and more coarsely.
    assert np.abs(ours - theirs).mean() < 4.0
    assert np.abs((ours - theirs).mean(axis=(0, 1))).max() < 3.0


def test_crops_are_those_of_the_processor() -> None:
    frame = picture()
    regions = np.array([[10, 10, 40, 40], [-20, -5, 30, 45], [60, 30, 130, 100], [5, 5, 9, 9.5]])
    ours = surface(frame).cut(regions, 32).astype(int)
    theirs = CpuSurface(frame, Scalers()).cut(regions, 32).astype(int)
    assert np.abs(ours - theirs).max() <= 1
    assert surface(frame).cut(np.zeros((0, 4)), 16).shape == (0, 16, 16, 3)
    # More of them than are cut at once.
    many = surface(frame).cut(np.tile(regions, (20, 1)), 32)
    np.testing.assert_array_equal(many, np.tile(ours, (20, 1, 1, 1)))


def test_a_network_on_the_device_gets_the_picture_there() -> None:
    """From the planes to the boxes as tensors; only what was found comes back."""
    taken: list[object] = []

    def find(pictures: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
        taken.append(pictures)
        none = np.zeros((0, 4), np.float32)
        return [(none, none[:, 0])] * len(pictures)

    one = Picture(surface(picture()))
    Detector(find, "", "there", tensors=True).detect(one.pixels(64, 32)[None])
    Detector(find, "", "here").detect(one.pixels(64, 32)[None])
    there, here = taken
    assert isinstance(there, torch.Tensor) and isinstance(here, np.ndarray)
    np.testing.assert_array_equal(there.numpy(), here)
    np.testing.assert_array_equal(one.resized(64, 32)[None], here)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("deep", [False, True])
def test_colours_follow_the_standard(full: bool, deep: bool) -> None:
    """Means of 2x2 pixels with the chroma that belongs to them, against H.273 in numpy."""
    random = np.random.default_rng(1)
    top = 1024 if deep else 256
    luma = random.integers(0, top, (4, 6))
    pairs = random.integers(0, top, (2, 3, 2))
    matrix, offset = rgb_matrix(1, 2 if full else 1)
    peak = (1023.0 if full else 1020.0) if deep else 255.0

    def plane(values: np.ndarray) -> torch.Tensor:
        if deep:
            return torch.tensor((values << 6).astype(np.uint16))
        return torch.tensor(values.astype(np.uint8))

    one = TorchSurface(plane(luma), plane(pairs), 1, 2 if full else 1)
    down = one.resized(3, 2)
    mean = luma.reshape(2, 2, 3, 2).mean(axis=(1, 3))
    samples = np.concatenate([mean[..., None], pairs], axis=2) / peak
    exact = np.clip(samples @ matrix.T + offset + 0.5, 0, 255)
    assert np.abs(down.astype(float) - np.floor(exact)).max() <= 1


@pytest.mark.parametrize("box", [False, True])
def test_weights_add_up_and_repeat_the_border(box: bool) -> None:
    for low, high, size, length in [(0, 50, 7, 50), (-30, 80, 16, 50), (20.5, 23.25, 9, 50)]:
        if box and high - low < size:
            continue
        (found,) = weights(np.array([low * 1.0]), np.array([high * 1.0]), size, length, box)
        assert found.shape == (size, length)
        np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
        centres = np.clip(low + (np.arange(size) + 0.5) * (high - low) / size, 0.5, length - 0.5)
        inside = (centres > 8) & (centres < length - 8)
        means = (found @ torch.arange(length, dtype=torch.float32)).numpy() + 0.5
        np.testing.assert_allclose(means[inside], centres[inside], atol=0.05)


class _Plane:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self):
        return self.tensor.__dlpack__()


class _Frame:
    def __init__(self, frame: av.VideoFrame) -> None:
        self.planes = [_Plane(tensor) for tensor in planes(frame)]
        self.colorspace, self.color_range = frame.colorspace, frame.color_range


def test_planes_are_taken_by_their_capsules() -> None:
    frame = picture()
    one = TorchSurface.of(_Frame(frame))
    assert (one.width, one.height) == (96, 64)
    np.testing.assert_array_equal(one.resized(48, 32), surface(frame).resized(48, 32))


def test_a_full_gpu_hands_over_to_the_processor_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hardware, "_said", set())
    luma, chroma = planes(picture())
    wanted = TorchSurface(luma, chroma, 1, 1).resized(48, 27)
    # As a decoder's lines lie: apart, and behind something else.
    pad = torch.nn.functional.pad
    one = TorchSurface(
        pad(luma, (0, 32, 1, 0))[1:, :96], pad(chroma, (0, 0, 0, 16, 1, 0))[1:, :48], 1, 1
    )
    calls = 0
    whole = one._rgb

    def full(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls in (1, 3):
            raise torch.cuda.OutOfMemoryError("out of memory")
        return whole(tensor)

    monkeypatch.setattr(one, "_rgb", full)
    for _ in range(2):
        np.testing.assert_array_equal(one.resized(48, 27), wanted)
    assert caplog.text.count("memory is full") == 1
    np.testing.assert_array_equal(one.resized(32, 18), surface(picture()).resized(32, 18))


@pytest.mark.skipif(has_driver(), reason="a driver is installed here")
def test_without_a_driver_only_who_asked_for_a_gpu_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hardware, "_said", set())
    assert find_decoder("cpu") is None and find_decoder("auto") is None
    assert caplog.text == ""
    for _ in range(3):
        assert find_decoder("cuda:0") is None
    assert caplog.text.count("no NVIDIA driver") == 1


@pytest.mark.parametrize("step", ["wake", "HWAccel"])
def test_a_gpu_that_cannot_decode_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    def fail(*args: object, **more: object) -> None:
        raise PermissionError("not permitted")

    monkeypatch.setattr(hardware, "_said", set())
    monkeypatch.setattr(hardware, "has_driver", lambda: True)
    monkeypatch.setattr(hardware, "wake", lambda device: None)
    monkeypatch.setattr(hardware, step, fail)
    assert find_decoder("auto") is None
    assert caplog.text == ""
    for _ in range(2):
        assert find_decoder("cuda") is None
    assert caplog.text.count("the GPU cannot decode (not permitted)") == 1


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


def decode(film: Path, device: str) -> list[Picture]:
    from caststream.media.decoding import Decoder
    from caststream.media.pipes import StopSign
    from caststream.media.showing import Shown
    from caststream.media.sources import Source

    stop = StopSign()
    hardware = find_decoder(device)
    source = Source(str(film), timeout=1.0, spool_limit=1, stop=stop, hardware=hardware)
    shown = [i.picture for i in Decoder(source, stop).run() if isinstance(i, Shown)]
    source.close()
    stop.close()
    return shown


@needs_gpu
@pytest.mark.parametrize(
    ("codec", "pixels"),
    [("libx264", "yuv420p"), ("libx265", "yuv420p"), ("libx265", "yuv420p10le")],
)
def test_nvdec_shows_what_the_processor_shows(tmp_path: Path, codec: str, pixels: str) -> None:
    film = write_film(tmp_path / "film.mp4", 48, size=(320, 192), codec=codec, pixels=pixels)
    boxes = np.array([[10, 20, 90, 120], [200, 0, 320, 192]], np.float32)
    for one, other in zip(decode(film, "cuda"), decode(film, "cpu"), strict=True):
        there = one.pixels(64, 36)
        assert isinstance(there, torch.Tensor) and there.device.type == "cuda"
        pairs = (one.resized(64, 36), other.resized(64, 36)), (
            one.crops(boxes, 64), other.crops(boxes, 64)
        )  # fmt: skip
        for ours, theirs in pairs:
            assert np.abs(ours.astype(int) - theirs.astype(int)).mean() < 2.0
        assert read_number(one.resized(320, 192)) == read_number(other.resized(320, 192))


@needs_gpu
def test_what_nvdec_does_not_take_the_processor_decodes_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film(tmp_path / "film.mp4", 12, size=(320, 192), codec="ffv1", format="matroska")
    shown = decode(film, "cuda")
    assert [read_number(one.resized(320, 192)) for one in shown] == list(range(12))
    assert caplog.text.count("the GPU does not decode ffv1") == 1


@needs_gpu
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_full_chroma_is_shown_whoever_decodes_it(tmp_path: Path, codec: str) -> None:
    film = write_film(tmp_path / "film.mp4", 12, size=(320, 192), codec=codec, pixels="yuv444p")
    assert [read_number(one.resized(320, 192)) for one in decode(film, "cuda")] == list(range(12))


@needs_gpu
def test_a_turned_film_stands_upright_on_the_gpu(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 12, size=(320, 192))
    turned = tmp_path / "turned.mp4"
    with av.open(str(film)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    for one, other in zip(decode(turned, "cuda"), decode(turned, "cpu"), strict=True):
        assert one.shown == other.shown == (192, 320)
        ours, theirs = one.resized(96, 160).astype(int), other.resized(96, 160).astype(int)
        assert np.abs(ours - theirs).mean() < 2.0
