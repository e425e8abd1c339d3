"""Published models: numbered, immutable, made whole before anyone can see them.

    STORE/models/000007/arrays.safetensors   head, gallery, labels
    STORE/models/000007/meta.json            number, revision, characters, thresholds
    STORE/models/trunks/000002.safetensors   the opened stage that makes vectors 2, if one does
    STORE/models/CURRENT                     the number in force, replaced at once

A version is written into a draft folder, synced, renamed to its number, and only then does
CURRENT name it; a crash at any moment leaves the version before in force. Any process may
publish while another writes the store.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import StoreError
from caststream.messages import F4, I8
from caststream.store.files import replace, sync_folder, sync_tree, told, write_all
from caststream.store.lock import alone

KEEP = 5
"""Versions whose arrays are kept; of older ones only the meta data stays ..."""
KEEP_META = 500
"""... and of those before these nothing: a stream of weeks publishes some thousand a day."""


@dataclass(frozen=True, slots=True)
class Published:
    """Weights, gallery and labels that belong together."""

    number: int = 0
    """Given by ``publish``; 0 is the model as shipped."""
    revision: int = 0
    """Of the dictionary."""
    head: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Weights of the projection head by name; empty where it is as shipped."""
    prototypes: F4 = field(default_factory=lambda: np.zeros((0, 256), np.float32))
    """(P, 256) unit vectors of this model."""
    prototype_character: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(P,)"""
    prototype_weight: F4 = field(default_factory=lambda: np.zeros(0, np.float32))
    """(P,)"""
    label_uid: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(T,) tracks, store-wide."""
    label_character: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(T,) character of each track, -1 for none."""
    label_confidence: F4 = field(default_factory=lambda: np.zeros(0, np.float32))
    """(T,) in 0..1"""
    extra: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Other arrays that the learner wants back: micro-clusters, a classifier."""
    characters: tuple[dict[str, Any], ...] = ()
    """Each with id, name, first_time, pinned, ignored, aliases."""
    thresholds: dict[str, float] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    """Anything else that fits into JSON. ``vectors`` is the number of the model whose head makes
    the vectors that the gallery is compared with (0 as shipped); None stands for this one."""


_ARRAYS = (
    *("prototypes", "prototype_character", "prototype_weight"),
    *("label_uid", "label_character", "label_confidence"),
)

_META = {"revision", "characters", "thresholds", "meta"}


def publish(path: str | Path, payload: Published) -> int:
    """Make ``payload`` the version in force; returns its number.

    ``payload.number`` is ignored. Raises OutputError where the disk refuses: the version before
    stays in force.
    """
    from safetensors.numpy import save

    folder = Path(path) / "models"
    arrays = {name: getattr(payload, name) for name in _ARRAYS}
    arrays |= {f"head.{name}": array for name, array in payload.head.items()}
    arrays |= {f"extra.{name}": array for name, array in payload.extra.items()}
    # safetensors writes the memory as it lies, also where a view of it is not contiguous
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    with told(Path(path)), alone(folder / "LOCK"):
        number = max([0, *_numbers(folder)]) + 1
        meta: dict[str, Any] = {
            "number": number,
            "revision": payload.revision,
            "characters": payload.characters,
            "thresholds": payload.thresholds,
            "meta": payload.meta,
        }
        if payload.meta.get("vectors", 0) is None:
            meta["meta"] = {**payload.meta, "vectors": number}
        meta["heads"] = max(_highest_head(folder), int(meta["meta"].get("vectors", 0)))
        draft = folder / f".{number:06d}.tmp"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir()
            _write(draft / "arrays.safetensors", data)
            _write(draft / "meta.json", json.dumps(meta, ensure_ascii=False).encode())
            sync_tree(draft)
            draft.rename(folder / f"{number:06d}")
            sync_folder(folder)
            replace(folder / "CURRENT", f"{number}\n".encode())
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        numbers = _numbers(folder)
        for old in numbers[:-KEEP]:
            (folder / f"{old:06d}" / "arrays.safetensors").unlink(missing_ok=True)
        for old in numbers[:-KEEP_META]:
            shutil.rmtree(folder / f"{old:06d}", ignore_errors=True)
        _forget_trunks(folder)
    return number


def trunk_file(path: str | Path, vectors: int) -> Path | None:
    """The file of the opened stage that makes vectors of this number; None where a head does."""
    file = Path(path) / "models" / "trunks" / f"{vectors:06d}.safetensors"
    return file if file.exists() else None


def keep_trunk(path: str | Path, vectors: int, data: bytes) -> None:
    """Keep the opened stage that is to make vectors of this number, before it is published.

    Raises OutputError where the disk refuses.
    """
    folder = Path(path) / "models" / "trunks"
    with told(Path(path)):
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / f"{vectors:06d}.safetensors", data)


def _forget_trunks(folder: Path) -> None:
    """Remove opened stages of versions that nobody can return to."""
    files = sorted((folder / "trunks").glob("*.safetensors"))
    if files:
        kept = {_vectors_of(folder.parent, n) for n in _numbers(folder)[-KEEP:]}
        # What was kept after the newest version is about to be published.
        kept.add(max(int(file.stem) for file in files))
        for file in files:
            if int(file.stem) not in kept:
                file.unlink(missing_ok=True)


def _vectors_of(path: Path, number: int) -> int | None:
    try:
        return int(_meta(path, number)["meta"].get("vectors", 0))
    except StoreError:
        return None


def current_number(path: str | Path) -> int:
    """Number of the version in force, 0 where nothing was published; cheap enough for each shot."""
    file = Path(path) / "models" / "CURRENT"
    try:
        return int(file.read_text("ascii"))
    except FileNotFoundError:
        return 0
    except ValueError:
        raise StoreError(f"{file} is damaged: write the number of a version into it") from None


def current(path: str | Path, without: tuple[str, ...] = ()) -> Published | None:
    """The version in force, None where nothing was published; ``without`` as in ``load``."""
    while True:
        number = current_number(path)
        if number == 0:
            return None
        try:
            return load(path, number, without)
        except StoreError:
            # Many were published in between, and this one's arrays are gone.
            if number == current_number(path):
                raise


def current_head(path: str | Path, known: int) -> tuple[int, dict[str, NDArray[Any]]] | None:
    """Number and weights of the head in force, None where it is that of model ``known``.

    Cheap enough for each shot: the weights are read only where they changed.
    """
    while number := current_number(path):
        try:
            vectors = int(_meta(path, number)["meta"].get("vectors", 0))
            return None if vectors == known else (vectors, load(path, number, ("",)).head)
        except StoreError:
            if number == current_number(path):
                raise
    return None if known == 0 else (0, {})


def load(path: str | Path, number: int, without: tuple[str, ...] = ()) -> Published:
    """A version by its number; StoreError where the store does not have it (any more).

    Arrays of ``extra`` whose names begin with one of ``without`` are not read: what only the
    learner needs is most of a version.
    """
    from safetensors import SafetensorError, safe_open

    meta = _meta(path, number)
    folder = _folder(path, number)
    left = tuple(f"extra.{name}" for name in without)
    try:
        with safe_open(folder / "arrays.safetensors", framework="numpy") as file:
            names = [name for name in file.keys() if not name.startswith(left)]  # noqa: SIM118
            arrays = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise _missing(path, number) from None
    except SafetensorError as error:
        raise _damaged(folder, error) from error
    return Published(
        number=number,
        revision=meta["revision"],
        **{name: arrays[name] for name in _ARRAYS},
        head=_below("head.", arrays),
        extra=_below("extra.", arrays),
        characters=tuple(meta["characters"]),
        thresholds=meta["thresholds"],
        meta=meta["meta"],
    )


def versions(path: str | Path) -> list[int]:
    """Numbers of the versions that can be loaded, in order."""
    folder = Path(path) / "models"
    return [n for n in _numbers(folder) if (folder / f"{n:06d}" / "arrays.safetensors").exists()]


def highest_character(path: str | Path) -> int:
    """Highest id that any version ever gave to a character, also after a rollback; 0 for none.

    Each version knows of all before it; of those that are damaged the arrays are asked.
    """
    highest = 0
    for number in reversed(_numbers(Path(path) / "models")):
        try:
            newest = _meta(path, number)
        except StoreError:
            highest = max(highest, _highest_given(_folder(path, number)))
            continue
        given = (int(i) for c in newest["characters"] for i in (c["id"], *c["aliases"]))
        return max([highest, int(newest["meta"].get("highest", 0)), *given])
    return highest


def _highest_given(folder: Path) -> int:
    """Highest id in the arrays of a version, 0 where they are gone or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / "arrays.safetensors", framework="numpy") as file:
            given = (file.get_tensor(name) for name in ("prototype_character", "label_character"))
            return max(int(ids.max(initial=0)) for ids in given)
    except (OSError, SafetensorError):
        return 0


def highest_head(path: str | Path) -> int:
    """Highest number that any head ever had, also after a rollback; 0 for the shipped one alone.

    Opened stages that were kept and, after a crash, never published count too. Each version says
    what the highest one up to it was, so that this costs the same whatever the history.
    """
    folder = Path(path) / "models"
    kept = (int(file.stem) for file in (folder / "trunks").glob("*.safetensors"))
    return max(_highest_head(folder), *kept, 0)


def _highest_head(folder: Path) -> int:
    for number in reversed(_numbers(folder)):
        try:
            return int(_meta(folder.parent, number).get("heads", 0))
        except StoreError:
            continue  # damaged, and rolled back from
    return 0


def rollback(path: str | Path, number: int) -> None:
    """Put an older version in force again; the next one to be published gets a new number."""
    load(path, number)
    folder = Path(path) / "models"
    # Not in the middle of a regrouping, which would put what it comes to in force after this.
    with told(Path(path)), alone(folder / "IDS"), alone(folder / "LOCK"):
        replace(folder / "CURRENT", f"{number}\n".encode())


def _folder(path: str | Path, number: int) -> Path:
    return Path(path) / "models" / f"{number:06d}"


def _meta(path: str | Path, number: int) -> dict[str, Any]:
    folder = _folder(path, number)
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
        if not isinstance(meta, dict) or not meta.keys() >= _META:
            raise ValueError("meta.json lacks something")
    except FileNotFoundError:
        raise _missing(path, number) from None
    except ValueError as error:
        raise _damaged(folder, error) from error
    return meta


def _missing(path: str | Path, number: int) -> StoreError:
    kept = ", ".join(map(str, versions(path))) or "none"
    return StoreError(f"{path} does not hold model {number}: it holds {kept}")


def _damaged(folder: Path, error: Exception) -> StoreError:
    return StoreError(f"the model in {folder} is damaged ({error}): roll back to another one")


def _below(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())


def _write(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)
