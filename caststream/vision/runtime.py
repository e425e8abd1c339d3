"""Runs a torch module on the fastest runtime at hand: OpenVINO on a CPU, torch on a GPU."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import ModelError
from caststream.memory import gpu_is_full
from caststream.vision.converted import converted
from caststream.vision.together import Pictures

if TYPE_CHECKING:
    from torch import Tensor, nn

logger = logging.getLogger(__name__)
_DEVICES = re.compile(r"auto|cpu|cuda(:\d+)?")
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")
_MOST_THREADS = 8
"""More do not help with a network of this size."""


def resolve_device(device: str) -> str:
    """The device that ``device`` ("auto", "cpu", "cuda", "cuda:1") means on this machine.

    Raises ModelError for a name that means nothing, and for a GPU that is not there.
    """
    if not _DEVICES.fullmatch(device):
        raise ModelError(f"device {device!r} is unknown: use auto, cpu, cuda or cuda:N")
    count = _gpus() if device != "cpu" else 0
    if device == "auto":
        return "cuda:0" if count else "cpu"
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= count:
            raise ModelError(f"device {device!r} is not there: torch sees {count} GPUs; use cpu")
        return f"cuda:{number}"
    return device


def own_device(device: str) -> str:
    """The device that ``device`` means for decoding and for networks of ours: "auto" is the CPU.

    These are so small that a GPU spends more on preparing itself than it saves, as
    ``tools/bench_gpu.py`` measures; models of others are another matter.
    """
    return "cpu" if device == "auto" else device


def _gpus() -> int:
    """How many GPUs torch sees; it is not even imported where no driver is installed."""
    for driver in _DRIVERS:
        with contextlib.suppress(OSError):
            ctypes.CDLL(driver)
            break
    else:
        return 0
    import torch

    return torch.cuda.device_count()


def inference_threads() -> int:
    """Threads of one inference on this CPU: half the cores.

    The decoder, the shot detector and whoever else works on the stream have the others; a second
    thread on two cores made a picture cost half as much again of their time.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(_MOST_THREADS, (cores or 1) // 2))


@cache
def _lane(device: str) -> ThreadPoolExecutor:
    """The one thread on which networks run on a GPU.

    torch keeps for each thread, and for each number of pictures, how cuDNN is to compute a layer,
    and finding that out takes seconds a network: with the threads of each new source it would be
    found out anew.
    """
    return ThreadPoolExecutor(1, device)


class Runtime:
    """One network, ready to run on batches of pictures.

    ``build`` makes the network. It takes one uint8 tensor (B, H, W, 3) of any B, H and W that its
    layers allow and returns a tensor or a tuple of tensors, each with B rows; ``size``
    (width, height) is the one that it is traced with. ``key`` names network and weights, so that
    it is converted once and then kept (``vision/converted.py``); None keeps nothing.
    On a GPU it runs in half precision, on a power of two of pictures that others are filled up to;
    on a CPU by OpenVINO, in bfloat16 where the processor computes in it, or by torch where
    OpenVINO cannot take it. ``kind`` names the choice: "openvino-bf16", "openvino-f32",
    "torch-f32" or "torch-f16"; giving it insists on a runtime of the CPU. Where the GPU's memory
    is full it says so, and is one of the CPU from then on.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        size: tuple[int, int],
        device: str = "auto",
        kind: str | None = None,
        key: str | None = None,
    ) -> None:
        self.device = resolve_device(device)
        self.takes_tensors = self.device != "cpu"
        """Whether it can be asked with tensors, which it then looks at where they are."""
        self._parts: tuple[Callable[[], nn.Module], tuple[int, int], str | None] | None
        # What it is made of holds the weights once more: let go of once the CPU runs it.
        self._parts = build, size, key
        self._request: Any = None
        self._network: nn.Module | None = None
        if self.device == "cpu":
            self._settle(kind)
            return
        try:
            self._network, self.kind = self._placed(), "torch-f16"
        except RuntimeError as error:
            self._leave_gpu(error)

    def _settle(self, kind: str | None = None) -> None:
        """Get ready to run on the CPU, for good."""
        assert self._parts is not None
        if kind != "torch-f32":
            try:
                self._request, self.kind = _compile(converted(*self._parts), kind)
                self._parts = None
                return
            except ModelError:
                raise
            except Exception as error:
                if kind is not None:
                    raise ModelError(
                        f"runtime {kind!r} cannot run this network: {error}"
                    ) from error
                logger.warning("OpenVINO cannot run this network, torch does: %s", error)
        self._network, self.kind = self._placed(), "torch-f32"
        self._parts = None
        self.takes_tensors = True

    def _placed(self) -> nn.Module:
        """The network in torch, where it is to run."""
        import torch

        assert self._parts is not None
        network = self._parts[0]().eval().requires_grad_(False)
        if self.device != "cpu":
            # Not with the channels last, which is no quicker there: cuDNN would prepare kernels for
            # seconds at each new number of pictures.
            return network.to(self.device, torch.float16)
        return network.to(memory_format=torch.channels_last)

    def _leave_gpu(self, error: RuntimeError) -> None:
        """Go on with the CPU where the GPU's memory is full; raises any other error."""
        if not gpu_is_full(error):
            raise error
        logger.warning("the GPU's memory is full: the processor runs a network from here on")
        self.device, self._network = "cpu", None
        self._settle()

    def __call__(self, pictures: Pictures) -> list[NDArray[np.float32]]:
        """Outputs for (B, H, W, 3) RGB pictures as float32 arrays with B rows each.

        Whatever comes back from a device comes in one transfer.
        """
        if self.device != "cpu":
            try:
                return _lane(self.device).submit(self._by_torch, pictures).result()
            except RuntimeError as error:
                self._leave_gpu(error)
        if self._request is None:
            return self._by_torch(pictures)
        if not isinstance(pictures, np.ndarray):
            pictures = pictures.cpu().numpy()
        found = self._request.infer([np.ascontiguousarray(pictures)], share_inputs=True)
        return [np.array(found[i], np.float32) for i in range(len(found))]

    def _by_torch(self, pictures: Pictures) -> list[NDArray[np.float32]]:
        import torch

        assert self._network is not None
        with torch.inference_mode():
            if isinstance(pictures, np.ndarray):
                pictures = torch.from_numpy(np.ascontiguousarray(pictures))
            count, pictures = len(pictures), pictures.to(self.device)
            outputs = self._network(pictures if self.device == "cpu" else _filled(pictures))
            if isinstance(outputs, torch.Tensor):
                outputs = (outputs,)
            outputs = [output[:count] for output in outputs]
            flat = torch.cat([output.float().flatten(1) for output in outputs], 1).cpu().numpy()
        ends = np.cumsum([output[0].numel() for output in outputs])[:-1]
        return [
            np.ascontiguousarray(part).reshape(tuple(output.shape))
            for part, output in zip(np.split(flat, ends, axis=1), outputs, strict=True)
        ]


def _filled(pictures: Tensor) -> Tensor:
    """As many pictures as a power of two, blank ones behind; see ``_lane``."""
    import torch

    count = len(pictures)
    more = (1 << (count - 1).bit_length()) - count
    blank = pictures.new_zeros((more, *pictures.shape[1:]))
    return torch.cat([pictures, blank]) if more else pictures


def _compile(model: Any, kind: str | None) -> tuple[Any, str]:
    """An OpenVINO request for a model and the name of its kind."""
    import openvino

    core = openvino.Core()
    if kind is None:
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        kind = "openvino-bf16" if has_bf16 else "openvino-f32"
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": kind.removeprefix("openvino-"),
        "INFERENCE_NUM_THREADS": inference_threads(),
        # Pinned, the networks of two threads would share one core while another one idles.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(model, "CPU", config).create_infer_request(), kind
