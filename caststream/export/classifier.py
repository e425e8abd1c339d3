"""The specialised classifier as two files: arrays as safetensors, and what they mean as JSON.

To use it elsewhere: features of the named embedder's trunk, times ``head_weight`` plus
``head_bias``, made unit length, times ``weight`` plus ``bias``, softmax. The answer is nobody
where the greatest probability is under ``floor``, or where the vector's dot product with that
class's ``mean`` is under ``reach``.
"""

from __future__ import annotations

import json
from pathlib import Path

from caststream.errors import OutputError, UsageError
from caststream.export.labels import FinalLabels
from caststream.learning.characters import fold
from caststream.learning.classify import NOBODY, OTHER, Classifier
from caststream.learning.specialise import examples, train
from caststream.messages import character_text
from caststream.store import acts as act_log
from caststream.store import published
from caststream.store.reader import StoreReader
from caststream.vision.embedder import project, read_head

FORMAT = "caststream-classifier/1"
"""What the JSON file's ``format`` says."""


def write_classifier(store: str | Path, path: str | Path) -> tuple[Path, Path]:
    """Train on a store's named characters and write ``PATH.safetensors`` and ``PATH.json``.

    Raises StoreError for what is no store, UsageError where fewer than two classes have examples
    (name characters first), OutputError where the files cannot be written.
    """
    from safetensors.numpy import save

    model = published.current(store) or published.Published()
    head = model.head or read_head()
    labels = FinalLabels(store)
    acts = fold(act_log.read(store))
    number = int(model.meta.get("vectors", 0))
    with StoreReader(store) as reader:
        character, _ = labels.characters(reader.tracks().uid)
        trained = train(
            *examples(
                reader, reader.tracks().uid, character, acts, number, lambda f: project(f, head)
            )
        )
        embedders = {s.models.get("embedder", "") for s in reader.sources()}
    if trained is None:
        raise UsageError(
            f"{store} gives nothing to tell apart: name at least one of its characters, and let it"
            " hold tracks of another one"
        )
    arrays = {
        "weight": trained.weight,
        "bias": trained.bias,
        "mean": trained.mean,
        "head_weight": head["weight"],
        "head_bias": head["bias"],
    }
    about = {**_about(trained, labels), "model": model.number, "embedder": sorted(embedders)}
    weights, words = Path(f"{path}.safetensors"), Path(f"{path}.json")
    try:
        weights.write_bytes(save(arrays, {"format": FORMAT}))
        words.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    return weights, words


def _about(trained: Classifier, labels: FinalLabels) -> dict[str, object]:
    kinds = {NOBODY: "nobody", OTHER: "somebody without a name"}
    classes = [
        {"character": None, "name": None, "kind": kinds[number]}
        if number in kinds
        else {
            "character": character_text(number),
            "name": labels.name(number),
            "kind": "character",
        }
        for number in trained.character.tolist()
    ]
    return {
        "format": FORMAT,
        "classes": classes,
        "floor": trained.floor,
        "reach": trained.reach,
        "held_back_accuracy": trained.accuracy,
        "held_back_accuracy_of_nearest": trained.prototypes,
    }
