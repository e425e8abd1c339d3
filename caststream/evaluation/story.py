"""What a label stream tells of itself: how sure it was, and how its dictionary grew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caststream.evaluation.identity import Matches
from caststream.evaluation.labels import follow
from caststream.messages import F4, I8

BINS = 10


@dataclass(frozen=True, slots=True)
class Growth:
    """The dictionary as of one revision."""

    time: float
    """End of the last shot before it, in seconds."""
    seconds: dict[str, float]
    """Screen time by character."""
    names: dict[str, str]
    """Of those that had one."""


@dataclass(slots=True)
class Story:
    """Read from the ``stream``, ``shot``, ``track`` and ``dictionary`` records of one source."""

    source: int | None = None
    """Its id in the store."""
    growth: list[Growth] = field(default_factory=list)
    tracks: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Character that a track's own record gave it, through later merges, and its confidence."""
    flips: list[float] = field(default_factory=list)
    """A share a revision: screen time that went to another id, of that which had one."""
    guesses: list[float] = field(default_factory=list)
    """The part of it that no regrouping had spoken of yet: guesses at a shot's end."""
    named_flips: list[float] = field(default_factory=list)
    """Of the time of characters that had a name, the share that a dictionary took back from one;
    guesses are left out."""


def read_story(lines: Iterable[str]) -> Story:
    """Read what ``read_labels`` passes over; broken lines are left to that."""
    story = Story()
    merged: dict[str, str] = {}
    time = 0.0
    held: dict[int, tuple[str | None, int]] = {}
    fresh: set[int] = set()
    for line in lines:
        if line.startswith('{"type":"frame"'):
            continue  # nearly all lines, and nothing for this
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        kind = record.get("type")
        if kind == "stream":
            story.source = int(record["source"])
        elif kind == "shot":
            time = float(record["end"])
        elif kind == "track":
            frames = int(record.get("end_frame", 0)) - int(record.get("start_frame", 0))
            held[int(record["track"])] = (record["character"], frames)
            fresh.add(int(record["track"]))
            if record["character"] is None:
                continue
            sure = float(record["confidence"] or 0)
            story.tracks[int(record["track"])] = (str(record["character"]), sure)
        elif kind == "dictionary":
            merged.update((m["from"], m["to"]) for m in record.get("merged", ()))
            _count_flips(story, held, record.get("relabelled", ()), merged, fresh)
            grown = _growth(time, record["characters"])
            if not (story.growth and grown.seconds == story.growth[-1].seconds):
                fresh.clear()  # else it tells new names only, and speaks of no track
            story.growth.append(grown)
    for track, (character, sure) in story.tracks.items():
        story.tracks[track] = (follow(character, merged) or character, sure)
    return story


def _count_flips(
    story: Story,
    held: dict[int, tuple[str | None, int]],
    relabelled: Iterable[dict[str, Any]],
    merged: dict[str, str],
    fresh: set[int],
) -> None:
    """Note what share of the time went to another id; a merge keeps who it was.

    ``fresh`` are the tracks that came since the last regrouping.
    """
    named = set(story.growth[-1].names) if story.growth else set()
    total = sum(frames for character, frames in held.values() if character)
    known = sum(frames for character, frames in held.values() if character in named)
    flipped = guessed = lost = 0
    for record in relabelled:
        track = int(record["track"])
        before, frames = held.get(track, (None, 0))
        held[track] = (record["to"], frames)
        if before is not None and follow(before, merged) != record["to"]:
            flipped += frames
            guessed += frames * (track in fresh)
            lost += frames * (before in named and track not in fresh)
    if total:
        story.flips.append(flipped / total)
        story.guesses.append(guessed / total)
    if known:
        story.named_flips.append(lost / known)


def _growth(time: float, characters: list[dict[str, Any]]) -> Growth:
    return Growth(
        time,
        {str(c["character"]): float(c["seconds"] or 0) for c in characters},
        {str(c["character"]): str(c["name"]) for c in characters if c.get("name")},
    )


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against how often it was right, in ``BINS`` equal bins; (B,) each."""

    confidence: F4
    """Mean within the bin; 0 where it is empty."""
    right: F4
    """Share that was right."""
    count: I8
    """Matched boxes."""

    @property
    def error(self) -> float | None:
        """Expected calibration error (Guo et al., ICML 2017); None without boxes."""
        total = self.count.sum()
        if not total:
            return None
        return float(np.sum(np.abs(self.confidence - self.right) * self.count) / total)


def reliability(matches: Matches, story: Story) -> Reliability:
    """How sure track records were of the boxes they label, and how often they were right.

    Right means that the character, named by majority, is who is in the box.
    """
    majority = matches.majority
    sure: list[float] = []
    hits: list[bool] = []
    for name, track in zip(matches.truth, matches.track, strict=True):
        if track in story.tracks:
            character, confidence = story.tracks[track]
            sure.append(confidence)
            hits.append(majority.get(character) == name)
    values, right = np.clip(np.array(sure, float), 0, 1), np.array(hits, float)
    place = np.minimum((values * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    most = np.maximum(count, 1)
    return Reliability(
        (np.bincount(place, values, BINS) / most).astype(np.float32),
        (np.bincount(place, right, BINS) / most).astype(np.float32),
        count.astype(np.int64),
    )
