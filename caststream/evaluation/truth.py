"""Reads truth files: what is really on the frames of a clip."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caststream.errors import InputError
from caststream.messages import F4

NAMELESS = frozenset({"extra", "other"})
"""Characters that count for detection and tracking, and not for identity."""


@dataclass(frozen=True, slots=True)
class TruthFrame:
    """The boxes of one annotated frame."""

    frame: int
    boxes: F4
    """(N, 4) xyxy in pixels of the clip"""
    characters: tuple[str, ...]
    tracks: tuple[int | None, ...]
    ignore: np.ndarray
    """(N,) bool: neither to be found nor to be punished"""


@dataclass(frozen=True, slots=True)
class Truth:
    """One clip's truth."""

    clip: str
    width: int
    height: int
    fps: float
    complete: bool
    boundaries: list[dict[str, Any]] | None
    ambiguous: list[dict[str, Any]]
    frames: tuple[TruthFrame, ...]

    @property
    def tracked(self) -> bool:
        """True where every frame is listed and every box belongs to a track."""
        return self.complete and all(t is not None for f in self.frames for t in f.tracks)


def read_truth(path: str | Path) -> Truth:
    """Read a truth file.

    A file whose name ends in ``.xml`` is taken for Manga109's annotation of a book. Raises
    ``InputError`` where it cannot be read or is not one.
    """
    if Path(path).suffix.lower() == ".xml":
        from caststream.evaluation.manga109 import read_manga109

        return read_manga109(path)
    try:
        raw = json.loads(Path(path).read_text("utf-8"))
        frames = tuple(_frame(f) for f in sorted(raw["frames"], key=lambda f: int(f["frame"])))
        return Truth(
            clip=str(raw["clip"]),
            width=int(raw["width"]),
            height=int(raw["height"]),
            fps=float(raw["fps"]),
            complete=bool(raw.get("complete", False)),
            boundaries=raw.get("boundaries"),
            ambiguous=list(raw.get("ambiguous") or ()),
            frames=frames,
        )
    except OSError as error:
        raise InputError(f"cannot read the truth file {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a truth file: {error!r}") from error


def _frame(raw: dict[str, Any]) -> TruthFrame:
    boxes = np.array([b["box"] for b in raw["boxes"]], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return TruthFrame(
        frame=int(raw["frame"]),
        boxes=boxes,
        characters=tuple(str(b["character"]) for b in raw["boxes"]),
        tracks=tuple(None if b.get("track") is None else int(b["track"]) for b in raw["boxes"]),
        ignore=np.array([bool(b.get("ignore", False)) for b in raw["boxes"]], bool),
    )
