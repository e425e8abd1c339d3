"""Is there an NVIDIA decoder, and may it be used? Asked before a source is touched.

PyAV's decoder shares the CUDA context that torch makes, so torch has to make it first, on the
thread that will decode. Where anything is missing the processor decodes, and one sentence says so.
"""

from __future__ import annotations

import ctypes
import logging
from typing import Any

import av
from av.codec.hwaccel import HWAccel

_log = logging.getLogger(__name__)
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")
_CONTEXT = {"primary_ctx": "0", "current_ctx": "1"}
"""FFmpeg takes the context that is current on the thread: torch's."""
_PROBED = "h264"
"""What any NVDEC decodes. A codec that one does not is decoded by the processor, as FFmpeg falls
back by itself; a picture's format tells where it lies."""
_said: set[str] = set()


def find_decoder(device: str) -> HWAccel | None:
    """The decoder of ``device`` ("auto", "cpu", "cuda", "cuda:1"); None where the processor is it.

    That is so for "auto": what a GPU decodes is of use to networks there, and ours do not run there
    by themselves (``vision/runtime.py``). Never raises: what keeps a GPU from decoding is told
    once.
    """
    if not device.startswith("cuda"):
        return None
    if not has_driver():
        say_once("no NVIDIA driver is installed: the processor decodes")
        return None
    try:
        number = wake(device)
        # The number is what its planes say of where they lie.
        accel = HWAccel("cuda", str(number), is_hw_owned=True, options=dict(_CONTEXT))
        accel.create(av.Codec(_PROBED, "r"))
    except Exception as error:  # torch, PyAV and drivers raise all kinds
        say_once(f"the GPU cannot decode ({error or type(error).__name__}): the processor does")
        return None
    return accel


def has_driver() -> bool:
    """Whether an NVIDIA driver is installed; costs nothing where none is."""
    for name in _DRIVERS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def fetched(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame that lies on a GPU, copied to main memory."""
    deep = frame.planes[0].line_size >= 2 * frame.width
    return frame.reformat(format="p010le" if deep else "nv12")


def wake(device: str) -> int:
    """Make the CUDA context of ``device`` current on this thread, and give the GPU's number.

    Raises where there is none.
    """
    import torch

    number = int(device.partition(":")[2] or 0)
    torch.cuda.set_device(number)
    _touched: Any = torch.zeros(1, device=f"cuda:{number}")
    return number


def say_once(sentence: str) -> None:
    """Tell something that every picture would otherwise tell anew."""
    if sentence not in _said:
        _said.add(sentence)
        _log.warning("%s", sentence)
