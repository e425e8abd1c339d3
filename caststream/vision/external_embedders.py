"""Embedders of other people: torchvision, timm, Hugging Face models, ONNX files.

Nothing is ever fetched: weights have to lie where their own package keeps them. What such a model
says of a crop are the features; its head brings them to 256 dimensions without learning anything,
and is tuned by the stream as our own head is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from caststream.errors import ModelError
from caststream.vision.embedder import DIMENSIONS, Embedder, Head
from caststream.vision.runtime import Runtime

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of red, green and blue, 0..1."""


def plain_head(features: int) -> Head:
    """A head that keeps angles between features (F,) in 256 dimensions, nearly or fully.

    Short features are filled up with zeros, long ones are turned and cut by fixed random
    orthonormal columns (Johnson and Lindenstrauss, 1984).
    """
    weight = np.eye(features, DIMENSIONS)
    if features > DIMENSIONS:
        random = np.random.default_rng(0).normal(size=(features, DIMENSIONS))
        weight = np.linalg.qr(random)[0]
    return {"weight": weight.astype(np.float32), "bias": np.zeros(DIMENSIONS, np.float32)}


class _Wrapped(nn.Module):
    """Crops (B, S, S, 3) 0..255 to whatever one model says of them, (B, F)."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, model: nn.Module, mean: Sequence[float], deviation: Sequence[float], method: str = ""
    ) -> None:
        super().__init__()
        self.model = model
        self.method = method
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", 255 * torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, crops: Tensor) -> Tensor:
        x = crops.permute(0, 3, 1, 2).to(self.mean.dtype)
        x = (x - self.mean) / self.deviation
        found = getattr(self.model, self.method)(x) if self.method else self.model(x)
        if not isinstance(found, Tensor):
            pooled = getattr(found, "pooler_output", None)
            found = found.last_hidden_state[:, 0] if pooled is None else pooled
        return torch.flatten(found, 1)


def _embedder(network: _Wrapped, size: int, device: str, digest: str, name: str) -> Embedder:
    runtime = Runtime(lambda: network, (size, size), device)
    features = runtime(np.zeros((1, size, size, 3), np.uint8))[0].shape[1]
    return Embedder(lambda crops: runtime(crops)[0], size, plain_head(features), digest, name)


def from_torchvision(name: str, device: str) -> Embedder:
    """A classifier of torchvision without its last layer, such as "resnet50".

    Raises ModelError for an unknown name, and where the weights do not lie in torch's hub folder.
    """
    import torchvision
    from torchvision.models import get_model, get_model_weights, list_models

    known = list_models(module=torchvision.models)
    if name not in known:
        raise ModelError(f"torchvision has no classifier {name!r}; it has {', '.join(known)}")
    weights = get_model_weights(name).DEFAULT
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if not path.is_file():
        raise ModelError(f"no weights at {path}: put there what is at {weights.url}")
    model = get_model(name, weights=None)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    layers = [place for place, part in model.named_modules() if isinstance(part, nn.Linear)]
    if not layers:
        raise ModelError(f"torchvision:{name} has no last layer that could be taken off")
    parent, _, last = layers[-1].rpartition(".")
    setattr(model.get_submodule(parent), last, nn.Identity())
    shown = weights.transforms()
    network = _Wrapped(model.eval(), shown.mean, shown.std)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return _embedder(network, shown.crop_size[0], device, digest, f"torchvision:{name}")


def from_timm(name: str, device: str) -> Embedder:
    """A model of timm, by its name from the Hugging Face cache, or by its folder; extra ``[timm]``.

    Raises ModelError where the package or safetensors weights are missing.
    """
    try:
        import timm
        from huggingface_hub import try_to_load_from_cache
        from timm.data import resolve_model_data_config
    except ImportError as error:
        raise ModelError("timm: models need an extra: pip install 'caststream[timm]'") from error
    folder = Path(name)
    settings: dict[str, Any] = {}
    if folder.is_dir():
        path: Any = folder / "model.safetensors"
        model_name = f"local-dir:{name}"
    else:
        known = timm.get_pretrained_cfg(name, allow_unregistered=False) if "/" not in name else None
        repository = known.hf_hub_id if known and known.hf_hub_id else name
        path = try_to_load_from_cache(repository, "model.safetensors") if "/" in repository else ""
        model_name = name
        settings = {"pretrained_cfg_overlay": {"file": str(path)}}
    if not path or not isinstance(path, str | Path) or not Path(path).is_file():
        raise ModelError(
            f"no safetensors weights of timm:{name} in the Hugging Face cache or at that path: "
            "fetch them with 'hf download', or give a folder with config.json and model.safetensors"
        )
    try:
        model = timm.create_model(model_name, pretrained=True, num_classes=0, **settings)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"timm cannot make {name!r}: {str(error).splitlines()[0]}") from error
    config = resolve_model_data_config(model)
    network = _Wrapped(model.eval(), config["mean"], config["std"])
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    return _embedder(network, config["input_size"][1], device, digest, f"timm:{name}")


def from_huggingface(name: str, device: str) -> Embedder:
    """A vision model of Hugging Face's transformers (DINOv2, DINOv3, SigLIP, CLIP); extra ``[hf]``.

    It comes from the cache or a folder. Models of text and pictures give their picture features.
    Raises ModelError where the package or the model is missing, or sees no pictures.
    """
    try:
        import transformers
    except ImportError as error:
        raise ModelError("hf: models need an extra: pip install 'caststream[hf]'") from error
    keep = {"local_files_only": True}
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(name, **keep)
        model = transformers.AutoModel.from_pretrained(name, use_safetensors=True, **keep).eval()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"no vision model {name!r} in the Hugging Face cache or at that path: fetch it with "
            f"'hf download {name}', or give a folder ({str(error).splitlines()[0]})"
        ) from error
    seen = getattr(model.config, "vision_config", model.config)
    size = getattr(seen, "image_size", 224)
    method = "get_image_features" if hasattr(model, "get_image_features") else ""
    network = _Wrapped(model, processor.image_mean, processor.image_std, method)
    digest = hashlib.sha256(name.encode())
    for value in model.state_dict().values():
        digest.update(value.float().sum().numpy().tobytes())
    size = int(size[0] if isinstance(size, list | tuple) else size)
    return _embedder(network, size, device, digest.hexdigest()[:16], f"hf:{name}")


def from_onnx(path: Path) -> Embedder:
    """A network in an ONNX file, on the CPU by OpenVINO.

    Input (N, 3, S, S), RGB with ImageNet's mean and deviation; the first output (N, F) counts.
    Raises ModelError where the file is missing or of another form.
    """
    import openvino

    if not path.is_file():
        raise ModelError(f"no ONNX file at {path}")
    core = openvino.Core()
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise ModelError(f"{path} is not an ONNX model that OpenVINO can read: {error}") from error
    shape = model.inputs[0].partial_shape if len(model.inputs) == 1 else None
    if shape is None or len(shape) != 4 or str(shape[1]) != "3" or shape[2] != shape[3]:
        raise ModelError(f"{path}: needs one input (N, 3, S, S), this has {model.inputs}")
    size = 224 if shape[2].is_dynamic else shape[2].get_length()
    model.reshape({0: [1, 3, size, size]})
    output = model.outputs[0].partial_shape
    if len(output) != 2 or output.is_dynamic:
        raise ModelError(f"{path}: output {output} is not (N, F)")
    request = core.compile_model(model, "CPU").create_infer_request()
    mean, deviation = (np.array(values, np.float32) * 255 for values in IMAGENET)

    def find(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = ((crops - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32)
        rows = [
            np.array(request.infer([pixels[k : k + 1]])[0], np.float32) for k in range(len(crops))
        ]
        return np.concatenate(rows)

    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    head = plain_head(output[1].get_length())
    return Embedder(find, size, head, digest, f"onnx:{path.name}")
