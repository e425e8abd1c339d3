"""Reads a label stream back, with the final label of everything in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caststream.errors import InputError
from caststream.messages import F4


@dataclass(slots=True)
class FoundFrame:
    """What the stream says of one analysed frame."""

    boxes: F4
    """(N, 4) xyxy"""
    scores: F4
    tracks: list[int | None]
    characters: list[str | None]


@dataclass(slots=True)
class Found:
    """A label stream, read whole."""

    frames: dict[int, FoundFrame] = field(default_factory=dict)
    boundaries: list[int] = field(default_factory=list)
    """First frame of every shot but the first."""
    end: dict[str, Any] | None = None

    def at(self, frame: int, reach: int) -> FoundFrame:
        """What is on a frame: as analysed, else along the tracks between its neighbours.

        ``reach`` is how many frames away a neighbour may be.
        """
        if frame in self.frames:
            return self.frames[frame]
        before = max((f for f in self.frames if frame - reach <= f < frame), default=None)
        after = min((f for f in self.frames if frame < f <= frame + reach), default=None)
        if before is not None and any(before < b <= frame for b in self.boundaries):
            before = None
        if after is not None and any(frame < b <= after for b in self.boundaries):
            after = None
        if before is None or after is None:
            near = before if before is not None else after
            empty = FoundFrame(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), [], [])
            return empty if near is None else self.frames[near]
        return _between(self.frames[before], self.frames[after], (frame - before, after - frame))


def _between(one: FoundFrame, other: FoundFrame, distance: tuple[int, int]) -> FoundFrame:
    """The nearer frame's boxes, moved along their tracks where the other one has them too."""
    near, far = (one, other) if distance[0] <= distance[1] else (other, one)
    step = min(distance) / sum(distance)
    boxes = near.boxes.copy()
    for i, track in enumerate(near.tracks):
        if track is not None and track in far.tracks:
            boxes[i] += step * (far.boxes[far.tracks.index(track)] - boxes[i])
    return FoundFrame(boxes, near.scores, near.tracks, near.characters)


def read_labels(lines: Iterable[str], name: str = "the label stream") -> Found:
    """Read the records of one source; unknown types and keys are passed over.

    Raises ``InputError`` for a line that is not a JSON object, but for a torn last one, and for
    the labels of several sources, whose frames would be taken for each other's.
    """
    found = Found()
    sources = 0
    final: dict[int, str | None] = {}
    spans: dict[int, list[tuple[int, int, int]]] = {}
    merged: dict[str, str] = {}
    torn = 0
    for number, line in enumerate(lines, 1):
        if torn:
            raise InputError(f"{name}, line {torn}: not a JSON object")
        try:
            record = json.loads(line)
            kind = record.get("type")
        except (ValueError, AttributeError):
            torn = number
            continue
        if kind == "stream":
            sources += 1
            if sources > 1:
                raise InputError(
                    f"{name} holds the labels of several films: give those of one, such as"
                    " caststream export STORE --source N writes"
                )
        elif kind == "frame":
            found.frames[int(record["frame"])] = _found_frame(record)
        elif kind == "shot" and record["shot"] > 0:
            found.boundaries.append(int(record["start_frame"]))
        elif kind == "track":
            final[record["track"]] = record["character"]
            for online in record.get("online", [record["track"]]):
                span = (record["start_frame"], record["end_frame"], record["track"])
                spans.setdefault(online, []).append(span)
        elif kind == "dictionary":
            final.update((r["track"], r["to"]) for r in record.get("relabelled", ()))
            merged.update((m["from"], m["to"]) for m in record.get("merged", ()))
        elif kind == "end":
            found.end = record
    for index, frame in found.frames.items():
        for i, online in enumerate(frame.tracks):
            inside = [
                t for a, b, t in spans.get(-1 if online is None else online, ()) if a <= index < b
            ]
            if inside:
                frame.tracks[i] = inside[0]
                frame.characters[i] = final[inside[0]]
            frame.characters[i] = follow(frame.characters[i], merged)
    return found


def _found_frame(record: dict[str, Any]) -> FoundFrame:
    boxes = np.array([b["box"] for b in record["boxes"]], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return FoundFrame(
        boxes,
        np.array([b["score"] for b in record["boxes"]], np.float32),
        [b["track"] for b in record["boxes"]],
        [b["character"] for b in record["boxes"]],
    )


def follow(character: str | None, merged: dict[str, str]) -> str | None:
    """The id that a character goes by after all merges (from -> to)."""
    seen: set[str] = set()
    while character in merged and character not in seen:
        seen.add(character)
        character = merged[character]
    return character
