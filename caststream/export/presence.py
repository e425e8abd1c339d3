"""Who is on screen when: tracks as spans of time, and the spans of a shot as cues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from caststream.export.view import Appearance, FilmView, ShotView

LEFT = 1.0
"""Seconds that a character may be unseen inside a shot without having left it."""
SHORTEST = 0.5
"""Seconds; what changes sooner than anybody can read belongs to the cue before."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stay of one character in one shot."""

    start: float
    end: float
    character: int
    title: str
    confidence: float
    """Of its surest track."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A piece of a shot in which the same characters are on screen."""

    start: float
    end: float
    shot: int
    spans: tuple[Span, ...]
    """One a character, in the order of their titles."""


def ends(shot: ShotView, appearance: Appearance) -> tuple[float, float]:
    """When a track is on screen: its last box lasts until the next analysed frame."""
    end = min(float(appearance.time[-1]) + shot.step, shot.shot.end)
    return float(appearance.time[0]), max(end, float(appearance.time[-1]))


def spans(shot: ShotView) -> list[Span]:
    """The stays of all known characters in a shot, by start; short absences are bridged."""
    open_: dict[int, Span] = {}
    done: list[Span] = []
    known = [a for a in shot.appearances if a.character is not None and len(a.time)]
    for appearance in sorted(known, key=lambda a: float(a.time[0])):
        character, title = appearance.character, appearance.title
        assert character is not None and title is not None
        start, end = ends(shot, appearance)
        sure = appearance.confidence
        before = open_.get(character)
        if before is not None and start - before.end <= LEFT:
            open_[character] = Span(
                before.start,
                max(before.end, end),
                character,
                title,
                max(before.confidence, sure),
            )
            continue
        if before is not None:
            done.append(before)
        open_[character] = Span(start, end, character, title, sure)
    done += open_.values()
    return sorted(done, key=lambda span: (span.start, span.title))


def cues(film: FilmView) -> Iterator[Cue]:
    """Cues of a film in order, none for times without a known character; they never overlap."""
    for shot in film.shots():
        stays = [s for s in spans(shot) if s.end > s.start]
        edges: list[float] = []
        for edge in sorted({e for s in stays for e in (s.start, s.end)}):
            if not edges or edge - edges[-1] >= SHORTEST:
                edges.append(edge)
        last = max((s.end for s in stays), default=0.0)
        if edges and edges[-1] < last:
            # The tail is too short for a cue of its own.
            edges[-1:] = [last] if len(edges) > 1 else [edges[0], last]
        for start, end in pairwise(edges):
            here = [s for s in stays if min(s.end, end) - max(s.start, start) >= (end - start) / 2]
            by_title = {s.title: s for s in here}
            if by_title:
                yield Cue(
                    start, end, shot.shot.index, tuple(v for _, v in sorted(by_title.items()))
                )
