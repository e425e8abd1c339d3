"""What the store has learnt of its characters, for other programs: arrays and one JSON file.

OUT/gallery.safetensors     prototypes (P, d) unit vectors, character (P,), weight (P,)
OUT/head.safetensors        weights of the tuned head, where there is one
OUT/classifier.safetensors  where one was learnt: weight (d, C), bias (C,), character (C,) ...
OUT/characters.json         names and titles, thresholds, the model's number, digests
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from caststream.export.view import StoreView
from caststream.store import published
from caststream.store.published import Published

_CLASSIFIER = "classifier_"
"""What the names of a classifier's arrays begin with (``Classifier.arrays``)."""


def write(view: StoreView, folder: Path) -> None:
    """Write the model in force; ids are those that people's merges have made of the machine's."""
    model = published.current(view.path) or Published()
    gallery: dict[str, NDArray[Any]] = {
        "prototypes": model.prototypes,
        "character": view.labels.resolve(model.prototype_character),
        "weight": model.prototype_weight,
    }
    _save(gallery, folder / "gallery.safetensors")
    if model.head:
        _save(model.head, folder / "head.safetensors")
    classifier = {
        name.removeprefix(_CLASSIFIER): array
        for name, array in model.extra.items()
        if name.startswith(_CLASSIFIER)
    }
    if classifier:
        _save(classifier, folder / "classifier.safetensors")
    said: dict[str, Any] = {
        "model": model.number,
        "vectors": model.meta.get("vectors", 0),
        "thresholds": model.thresholds,
        "models": {k: v for film in view.films for k, v in film.info.models.items()},
        "characters": [
            {"character": f"c{number}", "name": view.labels.name(number), "title": title}
            for number, title in view.titles.items()
        ],
    }
    (folder / "characters.json").write_text(
        json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _save(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    # safetensors writes the memory as it lies, also where a view of it is not contiguous
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
