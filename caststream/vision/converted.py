"""Networks converted for OpenVINO, kept in the user's cache folder.

Converting takes seconds of a processor, and torch, which takes seconds more to import. What was
converted once is read again in milliseconds, without torch.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caststream.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)
_FILES = ("model.xml", "model.bin")


def cache_folder() -> Path:
    """Where converted networks are kept: below ``$XDG_CACHE_HOME``, or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "caststream" / "networks"


def read_weights(path: Path, what: str) -> bytes:
    """The bytes of a file of weights of a network that does ``what``; ModelError if missing."""
    if not path.is_file():
        raise ModelError(f"no {what} weights at {path}: give a .safetensors file or 'default'")
    return path.read_bytes()


def digest(data: bytes) -> str:
    """What tells one file of weights from another, for people and stores."""
    return hashlib.sha256(data).hexdigest()[:16]


def key_of(*parts: Path | bytes) -> str:
    """A name for the contents of files and bytes, to tell one network and its weights by."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else part.read_bytes())
    return found.hexdigest()[:24]


def converted(build: Callable[[], nn.Module], size: tuple[int, int], key: str | None) -> Any:
    """The OpenVINO model of the network that ``build`` makes, for pictures of any size and number.

    ``size`` (width, height) is the one that it is traced with. With a ``key`` it is looked for in
    the cache first, and kept there; a cache that cannot be read or written costs time, no more.
    """
    # Its converter would send usage data from forked copies of this process; a module that cannot
    # be imported is how it is told not to (it has a stand-in for that).
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    if key is None:
        return _convert(build(), size)
    # Another release may convert otherwise, and read otherwise what an older one has written.
    folder = cache_folder() / f"{key}-{openvino.__version__.split('-')[0]}"
    kept = _read(folder)
    if kept is not None:
        return kept
    made = _convert(build(), size)
    # What is read again computes in another order than what was converted just now, and the first
    # run has to say what the second says: so it is read again in any case.
    if _keep(made, folder):
        return _read(folder)
    with tempfile.TemporaryDirectory(prefix="caststream-") as passing:
        openvino.save_model(made, Path(passing) / _FILES[0], compress_to_fp16=False)
        return _read(Path(passing))


def _convert(network: nn.Module, size: tuple[int, int]) -> Any:
    import openvino
    import torch

    width, height = size
    example = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing is announced as deprecated by torch, while OpenVINO still builds on it.
        warnings.simplefilter("ignore")
        # The converter would trace it too, twice, to compare.
        traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
            network.eval(), example, check_trace=False
        )
        model = openvino.convert_model(traced, example_input=example)
    model.reshape({0: [-1, -1, -1, 3]})
    return model


def _read(folder: Path) -> Any | None:
    import openvino

    xml, weights = (folder / name for name in _FILES)
    if not xml.is_file():
        return None
    try:
        return openvino.Core().read_model(xml, weights)
    except RuntimeError as error:
        logger.warning("%s cannot be read and is made anew: %s", folder, str(error).split("\n")[0])
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _keep(model: Any, folder: Path) -> bool:
    """Put the model there whole or not at all, whoever else does the same at this moment."""
    import openvino

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
            made = Path(draft) / folder.name
            made.mkdir()
            openvino.save_model(model, made / _FILES[0], compress_to_fp16=False)
            made.rename(folder)
    except (OSError, RuntimeError) as error:
        # Somebody else may have been quicker: a folder that is there cannot be replaced.
        logger.info("the converted network is not kept: %s", error)
    return (folder / _FILES[0]).is_file()
