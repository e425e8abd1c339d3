"""Detectors of other people: torchvision, ONNX files, Hugging Face models.

Nothing is ever fetched: weights have to lie where their own package keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caststream.errors import ModelError
from caststream.vision.detector import FLOOR, MOST, OVERLAP, SIZE, Detector, Found, suppress
from caststream.vision.runtime import resolve_device

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
_PEOPLE = ("person",)
_ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
CHARACTERS = frozenset((*_PEOPLE, *_ANIMALS, "teddy bear"))
"""COCO's names of what can be a character."""
_COCO_80 = (0, *range(14, 24), 77)
"""The same as numbers among COCO's 80 classes."""


def from_torchvision(name: str, device: str) -> Detector:
    """A detection model of torchvision with its default weights ("retinanet_resnet50_fpn").

    Classes that can be characters count, all classes where none has such a name.
    Raises ModelError for an unknown name, and where the weights do not lie in torch's hub folder.
    """
    from torchvision.models import detection, get_model, get_model_weights

    if name not in _names(detection):
        raise ModelError(
            f"torchvision has no detector {name!r}; it has {', '.join(_names(detection))}"
        )
    weights = get_model_weights(name).DEFAULT
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if not path.is_file():
        raise ModelError(f"no weights at {path}: put there what is at {weights.url}")
    model = get_model(name, weights=None, weights_backbone=None)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    where = resolve_device(device)
    model.eval().to(where)
    kept = _wanted(weights.meta["categories"])

    def find(pictures: U1) -> list[Found]:
        batch = torch.from_numpy(pictures).to(where).permute(0, 3, 1, 2) / 255
        with torch.inference_mode():
            outputs = model(list(batch))
        return [_chosen(output, kept, pictures) for output in outputs]

    return Detector(find, _digest(path), f"torchvision:{name}")


def _names(detection: Any) -> list[str]:
    from torchvision.models import list_models

    return sorted(set(list_models(module=detection)))


def from_onnx(path: Path) -> Detector:
    """A YOLO-like network in an ONNX file, on the CPU by OpenVINO.

    Input (1, 3, H, W), RGB 0..1. Output either rows (1, N, 6) of x1, y1, x2, y2, score, class, or
    columns (1, 4 + C, N) of centre x, centre y, width, height and C class scores; both in pixels.
    Classes are taken for COCO's 80, of which those that can be characters count; in columns of
    another number of classes all count, in rows a single class has to be 0.
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
    if shape is None or len(shape) != 4 or str(shape[1]) != "3":
        raise ModelError(f"{path}: needs one input (1, 3, H, W), this has {model.inputs}")
    free = shape[2].is_dynamic or shape[3].is_dynamic
    width, height = SIZE if free else (shape[3].get_length(), shape[2].get_length())
    model.reshape({0: [1, 3, height, width]})
    request = core.compile_model(
        model, "CPU", {"PERFORMANCE_HINT": "LATENCY"}
    ).create_infer_request()

    def one(picture: U1) -> Found:
        pixels = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = np.array(request.infer([pixels])[0], np.float32)
        if rows.ndim != 3 or (rows.shape[2] != 6 and rows.shape[1] < 5):
            raise ModelError(f"{path}: output {rows.shape} is neither (1, N, 6) nor (1, 4 + C, N)")
        if rows.shape[2] == 6:
            right = np.isin(rows[0, :, 5].astype(int), _COCO_80)
            boxes, scores = rows[0, right, :4], rows[0, right, 4]
        else:
            points = rows[0, 4:].T
            points = points[:, list(_COCO_80)] if points.shape[1] == 80 else points
            half = rows[0, 2:4].T / 2
            boxes = np.concatenate((rows[0, :2].T - half, rows[0, :2].T + half), 1)
            scores = points.max(1)
        return _sorted(boxes, scores, picture.shape[1], picture.shape[0])

    def find(pictures: U1) -> list[Found]:
        return [one(picture) for picture in pictures]

    return Detector(find, _digest(path), f"onnx:{path.name}", (width, height))


def from_huggingface(name: str, device: str, prompt: str) -> Detector:
    """A detector of Hugging Face's transformers, from its cache or a folder; extra ``[hf]``.

    Models of open vocabulary (OWLv2, Grounding DINO) are asked for ``prompt``; of others (DETR,
    RT-DETR) the classes count that can be characters, all where none has such a name.
    Raises ModelError where the package or the model is missing, or is no detector.
    """
    try:
        import transformers
    except ImportError as error:
        raise ModelError("hf: models need an extra: pip install 'caststream[hf]'") from error
    where = resolve_device(device)
    keep = {"local_files_only": True}
    try:
        config = transformers.AutoConfig.from_pretrained(name, **keep)
        processor = transformers.AutoProcessor.from_pretrained(name, **keep)
        asked = type(config) in transformers.MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING
        kind = (
            transformers.AutoModelForZeroShotObjectDetection
            if asked
            else transformers.AutoModelForObjectDetection
        )
        model = kind.from_pretrained(name, use_safetensors=True, **keep).eval().to(where)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"no detector {name!r} in the Hugging Face cache or at that path: fetch it with "
            f"'hf download {name}', or give a folder ({str(error).splitlines()[0]})"
        ) from error
    labels = config.id2label
    kept = None if asked else _wanted([labels[i] for i in range(len(labels))])

    def find(pictures: U1) -> list[Found]:
        extra = {"text": [[prompt]] * len(pictures)} if asked else {}
        inputs = processor(images=list(pictures), return_tensors="pt", **extra).to(where)
        with torch.inference_mode():
            outputs = model(**inputs)
        sizes = [pictures.shape[1:3]] * len(pictures)
        after = (
            processor.post_process_grounded_object_detection
            if asked
            else processor.post_process_object_detection
        )
        found = after(outputs, threshold=FLOOR, target_sizes=sizes)
        return [_chosen(output, kept, pictures) for output in found]

    digest = hashlib.sha256(f"{name} {prompt}".encode()).hexdigest()[:16]
    return Detector(find, digest, f"hf:{name}")


def _wanted(names: Sequence[str]) -> list[int]:
    """Numbers of the classes that can be characters, all where none has such a name."""
    kept = [i for i, name in enumerate(names) if name in CHARACTERS]
    return kept or list(range(len(names)))


def _chosen(found: dict[str, Any], kept: Sequence[int] | None, pictures: U1) -> Found:
    """Boxes and scores of one picture from tensors "boxes", "scores" and "labels"."""
    boxes, scores = (found[key].float().cpu().numpy() for key in ("boxes", "scores"))
    if kept is not None:
        right = np.isin(found["labels"].cpu().numpy(), kept)
        boxes, scores = boxes[right], scores[right]
    return _sorted(boxes, scores, pictures.shape[2], pictures.shape[1])


def _sorted(boxes: F4, scores: F4, width: int, height: int) -> Found:
    """What ``Detector.detect`` promises: inside the picture, best first, without doubles."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= FLOOR]
    boxes = boxes[order].astype(np.float32)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
    # A box that the edge has cut to a sliver is nothing.
    solid = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= 1
    boxes, scores = boxes[solid], scores[order][solid].astype(np.float32)
    rest = suppress(boxes, OVERLAP)[:MOST]
    return boxes[rest], scores[rest]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
