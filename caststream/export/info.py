"""What is in a store, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caststream.export.labels import FinalLabels, writable
from caststream.learning.edit import track_text
from caststream.messages import CharacterSummary, character_text
from caststream.store import published
from caststream.store.reader import StoreReader
from caststream.store.schema import SourceInfo


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source and what it gave."""

    source: SourceInfo
    seconds: float
    """Labelled so far."""
    shots: int
    tracks: int
    rows: int

    @property
    def state(self) -> str:
        """Whether it is whole, in one word or two."""
        if self.source.superseded_by is not None:
            return f"superseded by source {self.source.superseded_by}"
        if self.source.end is None:
            return "incomplete"
        return "complete" if self.source.complete else "interrupted"


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """A store in numbers; tracks, rows and characters leave superseded sources out."""

    path: Path
    sources: tuple[SourceFacts, ...]
    commits: int
    segments: int
    tracks: int
    rows: int
    characters: tuple[CharacterSummary, ...]
    """Most screen time first."""
    splits: dict[int, list[int]]
    """Named characters that may be two -> the tracks that may be somebody else."""
    unlabelled: int
    """Tracks without a character."""
    model: int
    """Published model in force, 0 as shipped."""
    models: tuple[int, ...]
    """Published models that can be loaded."""
    files: int
    bytes: int
    """Size on disk."""


def store_info(path: str | Path) -> StoreInfo:
    """Count what is in the store at ``path``; StoreError where it cannot be read."""
    path = Path(path)
    with StoreReader(path) as reader:
        labels = FinalLabels(path)
        tracks = reader.tracks()
        characters = labels.summaries(tracks)
        facts = tuple(_facts(reader, source) for source in reader.sources(superseded=True))
        files = [file for file in path.rglob("*") if file.is_file()]
        return StoreInfo(
            path=path,
            sources=facts,
            commits=reader.commit_count,
            segments=len(list((path / "segments").glob("[0-9]*"))),
            tracks=len(tracks),
            rows=int(tracks.boxes.sum()),
            characters=tuple(sorted(characters, key=lambda c: (-c.seconds, c.id))),
            splits=labels.splits(),
            unlabelled=len(tracks) - sum(c.tracks for c in characters),
            model=labels.number,
            models=tuple(published.versions(path)),
            files=len(files),
            bytes=sum(file.stat().st_size for file in files),
        )


def render(info: StoreInfo) -> str:
    """The same for people."""
    lines = [
        f"{info.path}: {_size(info.bytes)} in {info.files} files, {info.commits} commits, "
        f"{info.segments} sealed segments",
        f"model {info.model}" + (" (as shipped)" if not info.model else ""),
        "",
        "source  length    shots  tracks  rows     state       uri",
    ]
    lines += [
        f"{s.source.id:<7} {_clock(s.seconds):<9} {s.shots:<6} {s.tracks:<7} {s.rows:<8} "
        f"{s.state:<11} {writable(s.source.start.uri)}"
        for s in info.sources
    ]
    lines += [
        "",
        f"{len(info.characters)} characters in {info.tracks} tracks "
        f"({info.unlabelled} tracks without one), {info.rows} rows",
    ]
    if info.characters:
        lines += ["", "character  screen time  tracks  first seen  name"]
    lines += [
        f"{character_text(c.id) or '':<10} {_clock(c.seconds):<12} {c.tracks:<7} "
        f"{_clock(c.first_time):<11} {c.name or '-'}"
        for c in info.characters
    ]
    for character, tracks in info.splits.items():
        who = character_text(character)
        lines += [
            "",
            f"{who} may be two characters: some of its tracks were seen side by side. Look at"
            f" {' '.join(map(track_text, tracks))}",
            f'"split" with these takes them out, "whole {who}" says that all are {who}.',
        ]
    return "\n".join(lines)


def _facts(reader: StoreReader, source: SourceInfo) -> SourceFacts:
    shots = reader.shots(source.id)
    tracks = reader.tracks(source.id)
    last = max([0.0, *(s.end for s in shots[-1:]), *tracks.end.tolist()])
    return SourceFacts(
        source=source,
        seconds=source.end.seconds if source.end else last,
        shots=len(shots),
        tracks=len(tracks),
        rows=int(tracks.boxes.sum()),
    )


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
