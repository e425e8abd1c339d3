"""The runtime itself: it computes what torch computes, and talks to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from caststream.vision import runtime as runtime_module
from caststream.vision.detector import Detector
from caststream.vision.embedder import Embedder
from caststream.vision.runtime import Runtime, resolve_device
from caststream.vision.together import Pictures


class Means(nn.Module):
    """Mean colour of each picture, and twice that."""

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = pictures.float().mean((1, 2))
        return mean, 2 * mean


def test_any_batch_and_size_gives_what_torch_gives() -> None:
    runtime = Runtime(Means, (64, 32), "cpu", "openvino-f32")
    random = np.random.default_rng(0)
    for shape in ((1, 32, 64, 3), (3, 32, 64, 3), (2, 96, 32, 3)):
        pictures = random.integers(0, 255, shape, np.uint8)
        mean, double = runtime(pictures)
        expected = pictures.reshape(shape[0], -1, 3).mean(axis=1)
        np.testing.assert_allclose(mean, expected, rtol=1e-3)
        np.testing.assert_allclose(double, 2 * expected, rtol=1e-3)


def test_the_converter_sends_no_usage_data() -> None:
    """In a process of its own, since other packages may have imported the converter here."""
    script = (
        "import sys\n"
        "from tests.vision.test_runtime import Means, Runtime\n"
        "Runtime(Means, (64, 32), 'cpu', 'openvino-f32')\n"
        "import openvino.tools.ovc.convert_impl as converter\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert converter.tm.__name__.endswith('telemetry_stub')\n"
    )
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)


def _started(cache: Path) -> str:
    """What a process of its own says with this cache: results, and whether it needed torch."""
    script = (
        "import sys\n"
        "import numpy as np\n"
        "from caststream.vision.detector import Detector\n"
        "from caststream.vision.embedder import Embedder\n"
        "picture = np.random.default_rng(0).integers(0, 256, (1, 288, 512, 3), np.uint8)\n"
        "boxes, scores = Detector.load(device='cpu').detect(picture)[0]\n"
        "vectors, _ = Embedder.load(device='cpu').embed(picture[:, :128, :128].copy())\n"
        "print(boxes.tolist(), scores.tolist(), vectors.tolist())\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_second_start_needs_no_torch_and_says_the_same(tmp_path: Path) -> None:
    first, torch_first = _started(tmp_path).splitlines()
    second, torch_second = _started(tmp_path).splitlines()
    assert first == second
    assert (torch_first, torch_second) == ("True", "False")


def test_a_damaged_cache_is_made_anew_and_one_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    picture = np.full((1, 32, 64, 3), 7, np.uint8)

    def mean() -> float:
        return float(Runtime(Means, (64, 32), "cpu", "openvino-f32", key="means")(picture)[0][0, 0])

    assert mean() == pytest.approx(7)
    (kept,) = tmp_path.rglob("model.xml")
    kept.write_bytes(kept.read_bytes()[:500])
    assert mean() == pytest.approx(7)
    assert "made anew" in caplog.text
    caplog.clear()
    assert mean() == pytest.approx(7)
    assert not caplog.text
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert mean() == pytest.approx(7)


def test_tensors_are_looked_at_where_they_are_and_come_back_together() -> None:
    """On tensors of the processor: a torch network takes them, and gives what arrays give."""
    runtime = Runtime(Means, (64, 32), "cpu", "torch-f32")
    assert runtime.takes_tensors
    pictures = np.random.default_rng(0).integers(0, 255, (3, 32, 64, 3), np.uint8)
    once = runtime(pictures)
    np.testing.assert_allclose(once[0], pictures.mean((1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(once[1], 2 * once[0])
    for one, other in zip(once, runtime(torch.from_numpy(pictures)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_where_the_gpu_is_full_the_processor_goes_on_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A GPU stands in as torch's device without memory, which computes nothing."""
    monkeypatch.setattr(runtime_module, "resolve_device", lambda device: "meta")
    runtime = Runtime(Means, (64, 32), "cuda")
    assert (runtime.kind, runtime.takes_tensors) == ("torch-f16", True)

    by_torch = runtime._by_torch

    def full(pictures: Pictures) -> list[np.ndarray]:
        if runtime.device == "meta":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return by_torch(pictures)  # where there is no OpenVINO

    monkeypatch.setattr(runtime, "_by_torch", full)
    pictures = np.full((2, 32, 64, 3), 7, np.uint8)
    for asked in (pictures, torch.from_numpy(pictures)):
        np.testing.assert_allclose(runtime(asked)[1], np.full((2, 3), 14.0), rtol=1e-2)
    assert runtime.device == "cpu"
    assert caplog.text.count("memory is full") == 1


def test_other_errors_of_a_gpu_are_not_taken_for_a_full_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime_module, "resolve_device", lambda device: "meta")
    runtime = Runtime(Means, (64, 32), "cuda")

    def broken(pictures: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(runtime, "_by_torch", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        runtime(np.zeros((1, 32, 64, 3), np.uint8))


def test_a_gpu_works_on_one_thread_and_powers_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name of the processor stands in for a GPU, and computes all the same."""
    monkeypatch.setattr(runtime_module, "resolve_device", lambda device: "cpu:0")
    met: list[tuple[int, str]] = []

    class Noted(Means):
        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            met.append((len(pictures), threading.current_thread().name))
            return super().forward(pictures)

    first, second = (Runtime(Noted, (64, 32), "cuda") for _ in range(2))
    pictures = np.random.default_rng(0).integers(0, 255, (9, 32, 64, 3), np.uint8)

    def ask(count: int) -> None:
        for runtime in (first, second):
            for found in (runtime(pictures[:count]), runtime(torch.from_numpy(pictures[:count]))):
                np.testing.assert_allclose(found[0], pictures[:count].mean((1, 2)), rtol=1e-3)
                np.testing.assert_array_equal(found[1], 2 * found[0])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(ask, (1, 3, 4, 5, 9)))
    assert {count for count, _ in met} == {1, 4, 8, 16}
    assert len({name for _, name in met}) == 1


def test_our_embedder_fills_a_gpu_up_to_one_number_of_crops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crops = np.random.default_rng(0).integers(0, 255, (35, 128, 128, 3), np.uint8)
    want = Embedder.load(device="cpu").embed(crops)[0]
    monkeypatch.setattr(runtime_module, "resolve_device", lambda device: "cpu:0")
    met: list[int] = []
    monkeypatch.setattr(
        runtime_module, "_filled", lambda pictures: met.append(len(pictures)) or pictures
    )
    found = Embedder.load(device="cuda").embed(crops)[0]
    assert met == [32, 32]
    assert (found * want).sum(1).min() > 0.99


def test_auto_leaves_a_gpu_to_models_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "_gpus", lambda: 1)
    assert resolve_device("auto") == "cuda:0"
    picture = np.zeros((1, 128, 128, 3), np.uint8)
    assert Detector.load(device="auto").detect(picture)[0][0].shape[1] == 4
    assert Embedder.load(device="auto").embed(picture)[0].shape == (1, 256)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_the_gpu_finds_what_the_processor_finds() -> None:
    """Both networks in half precision, on pictures that are no noise."""
    y, x = np.mgrid[:288, :512]
    waves = [127 + 100 * np.sin(x / (9 + k) + k) * np.cos(y / (17 + 3 * k)) for k in range(3)]
    pictures = np.stack([np.roll(np.stack(waves, 2), 40 * k, 1) for k in range(4)]).astype(np.uint8)
    crops = pictures[:, :128, :128].copy()
    from caststream.vision import detector, embedder

    for load, asked in ((detector.load_network, pictures), (embedder.load_network, crops)):
        weights = (detector if asked is pictures else embedder).WEIGHTS
        size = asked.shape[2], asked.shape[1]
        ours, theirs = (
            Runtime(lambda load=load, weights=weights: load(weights)[0], size, *words)(asked)
            for words in (("cuda",), ("cpu", "torch-f32"))
        )
        for one, other in zip(ours, theirs, strict=True):
            scale = np.abs(other).max()
            assert np.abs(one - other).max() < 0.03 * scale
