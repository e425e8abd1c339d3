"""Runs a torch module on the fastest runtime at hand: OpenVINO on a CPU, torch on a GPU."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from caststream.errors import ModelError

logger = logging.getLogger(__name__)
_DEVICES = re.compile(r"auto|cpu|cuda(:\d+)?")


def resolve_device(device: str) -> str:
    """The device that ``device`` ("auto", "cpu", "cuda", "cuda:1") means on this machine.

    Raises ModelError for a name that means nothing, and for a GPU that is not there.
    """
    if not _DEVICES.fullmatch(device):
        raise ModelError(f"device {device!r} is unknown: use auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if device != "cpu" else 0
    if device == "auto":
        return "cuda:0" if count else "cpu"
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= count:
            raise ModelError(f"device {device!r} is not there: torch sees {count} GPUs; use cpu")
        return f"cuda:{number}"
    return device


class Runtime:
    """One network, ready to run on batches of pictures.

    ``network`` takes one uint8 tensor (B, H, W, 3) of any B, H and W that its layers allow and
    returns a tensor or a tuple of tensors, each with B rows; ``size`` (width, height) is the one
    that it is traced with. It has to be in its final state: its weights are copied or moved.
    On a GPU it runs in half precision; on a CPU by OpenVINO, in bfloat16 where the processor
    computes in it, or by torch where OpenVINO cannot take it. ``kind`` names the choice:
    "openvino-bf16", "openvino-f32", "torch-f32" or "torch-f16"; giving it insists on a runtime
    of the CPU.
    """

    def __init__(
        self,
        network: nn.Module,
        size: tuple[int, int],
        device: str = "auto",
        kind: str | None = None,
    ) -> None:
        self.device = resolve_device(device)
        self._request: Any = None
        network = network.eval().requires_grad_(False)
        if self.device != "cpu":
            self.kind = "torch-f16"
            network = network.to(self.device, torch.float16)
            self._network = network.to(memory_format=torch.channels_last)
            return
        self.kind = "torch-f32"
        self._network = network.to(memory_format=torch.channels_last)
        if kind == "torch-f32":
            return
        try:
            self._request, self.kind = _compile(network, size, kind)
        except Exception as error:
            if kind is not None:
                raise ModelError(f"runtime {kind!r} cannot run this network: {error}") from error
            logger.warning("OpenVINO cannot run this network, torch does: %s", error)

    def __call__(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Outputs for (B, H, W, 3) RGB pictures as float32 arrays with B rows each."""
        if self._request is not None:
            found = self._request.infer([np.ascontiguousarray(pictures)], share_inputs=True)
            return [np.array(found[i], np.float32) for i in range(len(found))]
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pictures)).to(self.device)
            outputs = self._network(batch)
        if isinstance(outputs, torch.Tensor):
            outputs = (outputs,)
        return [output.float().cpu().numpy() for output in outputs]


def _compile(network: nn.Module, size: tuple[int, int], kind: str | None) -> tuple[Any, str]:
    """An OpenVINO request for ``network`` and the name of its kind."""
    # Its converter would send usage data from forked copies of this process; a module that cannot
    # be imported is how it is told not to (it has a stand-in for that).
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    width, height = size
    example = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing is announced as deprecated by torch, while OpenVINO still builds on it.
        warnings.simplefilter("ignore", FutureWarning)
        model = openvino.convert_model(network, example_input=example)
    model.reshape({0: [-1, -1, -1, 3]})
    core = openvino.Core()
    if kind is None:
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        kind = "openvino-bf16" if has_bf16 else "openvino-f32"
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": kind.removeprefix("openvino-"),
    }
    return core.compile_model(model, "CPU", config).create_infer_request(), kind
