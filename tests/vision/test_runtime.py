"""The runtime itself: it computes what torch computes, and talks to nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from caststream.vision.runtime import Runtime


class Means(nn.Module):
    """Mean colour of each picture, and twice that."""

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = pictures.float().mean((1, 2))
        return mean, 2 * mean


def test_any_batch_and_size_gives_what_torch_gives() -> None:
    runtime = Runtime(Means(), (64, 32), "cpu", "openvino-f32")
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
        "Runtime(Means(), (64, 32), 'cpu', 'openvino-f32')\n"
        "import openvino.tools.ovc.convert_impl as converter\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert converter.tm.__name__.endswith('telemetry_stub')\n"
    )
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)
