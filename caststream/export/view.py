"""A store as exporters see it: sources, their shots, who appears in them, with final labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self
from urllib.parse import urlsplit

import numpy as np

from caststream.errors import StoreError
from caststream.export.labels import FinalLabels, writable
from caststream.messages import F4, F8, I8, Shot, character_text
from caststream.store.reader import StoreReader
from caststream.store.schema import SourceInfo, split_uid
from caststream.store.tables import Commit

UNKNOWN = "unknown"
"""What forms that need a word call whoever has no character."""
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in range(10))}
"""Names that Windows keeps for devices."""
STEP = 0.25
"""Seconds that a box is taken to last where a shot has but one analysed frame."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """One track with its final label; the arrays hold one line a box, in the order of time."""

    source: int
    track: int
    shot: int
    character: int | None
    name: str | None
    """What people call the character, as they wrote it."""
    title: str | None
    """One line that tells this character from others: its name, else its id; None for nobody."""
    confidence: float
    score: float
    start_frame: int
    end_frame: int
    """Exclusive."""
    exemplar: int
    """Frame of its most typical box."""
    frame: I8
    time: F8
    box: F4
    """(n, 4) xyxy in pixels, inside the picture."""
    box_score: F4
    first_row: int
    """Store-wide number of its first row."""

    @property
    def id(self) -> str | None:
        """``"c7"``, None for nobody."""
        return character_text(self.character)


@dataclass(frozen=True, slots=True)
class ShotView:
    """One shot with everything seen in it."""

    shot: Shot
    times: F8
    """(F,) of its analysed frames."""
    appearances: tuple[Appearance, ...]

    @property
    def step(self) -> float:
        """Seconds from one analysed frame to the next."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else STEP


class FilmView:
    """One source of a store."""

    def __init__(self, reader: StoreReader, info: SourceInfo, labels: FinalLabels) -> None:
        self.info = info
        self.id = info.id
        self.width, self.height = info.start.width, info.start.height
        self.fps = info.start.fps
        self._reader = reader
        self._labels = labels

    @property
    def uri(self) -> str:
        """Where the film was read from, as the user gave it."""
        return self.info.start.uri

    @property
    def stem(self) -> str:
        """The film's name without folder and ending; ``source-3`` where it came by a pipe."""
        path = urlsplit(self.uri).path if "://" in self.uri else self.uri
        stem = "" if self.uri == "-" else PurePosixPath(path).stem
        return file_name(stem) if stem else f"source-{self.id}"

    @property
    def seconds(self) -> float:
        """Length, as far as it was labelled."""
        if self.info.end is not None:
            return self.info.end.seconds
        shots = self._reader.shots(self.id)
        return shots[-1].end if shots else 0.0

    @property
    def frames(self) -> int:
        """How many frames it has, as far as it was labelled."""
        if self.info.end is not None:
            return self.info.end.frames
        shots = self._reader.shots(self.id)
        return shots[-1].end_frame if shots else 0

    @property
    def rate(self) -> float:
        """Frames a second: nominal, on average where they vary, 25 where nobody knows."""
        if self.fps:
            return self.fps
        return self.frames / self.seconds if self.frames > 1 and self.seconds else 25.0

    def shots(self) -> Iterator[ShotView]:
        """Its shots in order; one that broke off before its end ends with its last frame."""
        for number, commits in enumerate(shots_of(self._reader, self.id)):
            frames = np.concatenate([c.frames for c in commits])
            times = np.unique(np.concatenate([c.times for c in commits]))
            found = tuple(a for commit in commits for a in self._appearances(commit))
            shot = commits[-1].shot
            if shot is None:
                if not len(frames):
                    continue
                first, last = int(frames.min()), int(frames.max())
                index = min((a.shot for a in found), default=number)
                shot = Shot(index, first, last + 1, float(times[0]), float(times[-1]), "cut", 0.0)
            yield ShotView(shot, times, found)

    def analysed(self) -> Iterator[tuple[int, float]]:
        """Number and time of every analysed frame, in order."""
        for commits in shots_of(self._reader, self.id):
            frames = np.concatenate([c.frames for c in commits])
            numbers, first = np.unique(frames, return_index=True)
            times = np.concatenate([c.times for c in commits])[first]
            yield from zip(numbers.tolist(), times.tolist(), strict=True)

    def _appearances(self, commit: Commit) -> Iterator[Appearance]:
        tracks, rows = commit.tracks, commit.rows
        character, sure = self._labels.characters(tracks.uid)
        limits = np.array([self.width, self.height] * 2, np.float32)
        base = int(rows.number[0]) if len(rows) else 0
        for i in range(len(tracks)):
            first = int(tracks.first_row[i])
            mine = slice(first - base, first - base + int(tracks.boxes[i]))
            number = int(character[i])
            who = number if number >= 0 else None
            yield Appearance(
                source=self.id,
                track=split_uid(int(tracks.uid[i]))[1],
                shot=int(tracks.shot[i]),
                character=who,
                name=None if who is None else self._labels.name(who),
                title=None if who is None else self._labels.title(who),
                confidence=float(sure[i]),
                score=float(tracks.score[i]),
                start_frame=int(tracks.start_frame[i]),
                end_frame=int(tracks.end_frame[i]),
                exemplar=int(tracks.exemplar[i]),
                frame=rows.frame[mine],
                time=rows.time[mine],
                box=np.clip(np.nan_to_num(rows.box[mine]), 0.0, limits),
                box_score=rows.score[mine],
                first_row=first,
            )


class StoreView:
    """All films of a store, or one of them."""

    def __init__(self, store: str | Path, source: int | None = None) -> None:
        """Open; StoreError for a store that cannot be read, and for an unknown source."""
        self.path = Path(store)
        self.reader = StoreReader(store)
        self.labels = FinalLabels(store)
        self.films = [
            FilmView(self.reader, info, self.labels) for info in chosen(self.reader, source)
        ]

    @property
    def stems(self) -> list[str]:
        """A file name a film, without ending; films of one name get their number as well.

        Names that differ in capitals alone count as one, since many file systems see it so.
        """
        given = Counter(film.stem.casefold() for film in self.films)
        taken = {name for name, films in given.items() if films == 1}
        stems = []
        for film in self.films:
            stem = film.stem
            if given[stem.casefold()] > 1:
                stem = f"{stem}-{film.id}"
                while stem.casefold() in taken:
                    stem = f"{stem}-{film.id}"
                taken.add(stem.casefold())
            stems.append(stem)
        return stems

    @property
    def titles(self) -> dict[int, str]:
        """Character -> title of all that occur in these films, in the order of their ids."""
        found: set[int] = set()
        for film in self.films:
            character, _ = self.labels.characters(self.reader.tracks(film.id).uid)
            found |= set(np.unique(character[character >= 0]).tolist())
        return {number: self.labels.title(number) for number in sorted(found)}

    def crops(self, numbers: Sequence[int]) -> tuple[bytes, ...]:
        """JPEG crops of store-wide rows; empty bytes where none is kept."""
        return self.reader.rows_at(np.asarray(numbers, np.int64)).crop

    def close(self) -> None:
        """Let go of the store."""
        self.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def file_name(text: str) -> str:
    """A name that every file system takes as one part of a path, as like ``text`` as can be."""
    kept = "".join("_" if c in '<>:"/\\|?*' or writable(c) != c else c for c in text)
    # 200 bytes leave room for a number and an ending under the usual limit of 255.
    kept = kept.encode()[:200].decode(errors="ignore").strip(" .")
    return f"_{kept}" if not kept or kept.split(".")[0].upper() in _RESERVED else kept


def chosen(reader: StoreReader, source: int | None) -> list[SourceInfo]:
    """The sources to export: all that are not superseded, or the one asked for."""
    if source is None:
        return reader.sources()
    found = [s for s in reader.sources(superseded=True) if s.id == source]
    if not found:
        held = ", ".join(str(s.id) for s in reader.sources(superseded=True)) or "none"
        raise StoreError(f"{reader.path} has no source {source}: it has {held}")
    return found


def shots_of(reader: StoreReader, source: int) -> Iterator[list[Commit]]:
    """The commits of each shot: one, or the windows of a very long one and its end.

    A window may hold rows of frames that an earlier window listed, so a shot goes out whole.
    """
    held: list[Commit] = []
    for commit in reader.commits(source):
        held.append(commit)
        if commit.shot is not None:
            yield held
            held = []
    if held:
        yield held
