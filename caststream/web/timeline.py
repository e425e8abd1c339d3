"""The view along time: shots with a picture each, and a lane for every character in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import UsageError
from caststream.learning.edit import read_character
from caststream.messages import I8, Shot
from caststream.store.schema import SourceInfo
from caststream.web.characters import matches
from caststream.web.desk import Desk
from caststream.web.render import desk_of, number, page

SHOTS = 60
"""A page of shots."""
LANES = 24
"""Characters shown at first, those with most screen time on this page."""
MOST_LANES = 300
_NARROW, _WIDE = 84, 240
"""Pixels of a shot's column at least and at most."""
_PER_SECOND = 22


@dataclass(frozen=True, slots=True)
class Column:
    """One shot on the page."""

    shot: Shot
    x: int
    width: int
    frame: int | None
    """An analysed frame in it, the one that a click shows."""

    def at(self, seconds: float) -> float:
        """Where a time lies, in pixels."""
        length = max(self.shot.end - self.shot.start, 1e-6)
        share = min(max((seconds - self.shot.start) / length, 0.0), 1.0)
        return self.x + share * (self.width - 2)


def timeline(request: Request) -> Response:
    """A page of shots of one source, with the lanes of who is in them."""
    query = request.query_params
    with desk_of(request).at_work() as desk:
        sources = [s for s in desk.index.sources() if desk.index.shots(s.id)]
        if not sources:
            return page(request, desk, "timeline.html", source=None, find="", running=desk.running)
        chosen = number(query.get("source"), sources[0].id)
        source = next((s for s in sources if s.id == chosen), sources[0])
        find = query.get("find", "").strip()[:200]
        wanted = _wanted(desk, query.get("character"), find)
        shots = _shots_with(desk, source, wanted)
        pages = max(1, -(-len(shots) // SHOTS))
        at = min(max(1, number(query.get("page"), 0)), pages)
        focus = number(query.get("at"), -1)
        if "page" not in query and focus >= 0:
            at = 1 + _place_of(shots, focus) // SHOTS
        here = shots[(at - 1) * SHOTS : at * SHOTS]
        columns = _columns(desk, source, here)
        most = MOST_LANES if query.get("lanes") == "all" else LANES
        lanes, hidden = _lanes(desk, source, columns, wanted, most)
        return page(
            request,
            desk,
            "timeline.html",
            source=source,
            sources=sources,
            columns=columns,
            width=columns[-1].x + columns[-1].width if columns else 0,
            lanes=lanes,
            hidden=hidden,
            film=desk.films.has(source),
            find=find,
            only=[desk.roster.members[c] for c in sorted(wanted or ())[:8]],
            focus=here[_place_of(here, focus)].index if here and focus >= 0 else None,
            at=at,
            pages=pages,
            total=len(shots),
            running=desk.running,
        )


def _wanted(desk: Desk, character: str | None, find: str) -> set[int] | None:
    """Ids that the view is narrowed to, None for everybody."""
    members = desk.roster.members
    if find:
        return {m.id for m in members.values() if not m.ignored and matches(m, find)}
    if not character:
        return None
    try:
        found = desk.current(read_character(character))
    except UsageError:
        return None
    return {found} if found in members else None


def _shots_with(desk: Desk, source: SourceInfo, wanted: set[int] | None) -> list[Shot]:
    shots = desk.index.shots(source.id)
    if wanted is None:
        return shots
    tracks = desk.index.tracks
    mine = (tracks.source == source.id) & np.isin(desk.roster.character, list(wanted))
    there = set(tracks.shot[mine].tolist())
    return [shot for shot in shots if shot.index in there]


def _place_of(shots: list[Shot], seconds: float) -> int:
    """Place of the shot that is on at a time; the last one before it where none is."""
    starts = np.array([shot.start for shot in shots])
    return max(0, int(np.searchsorted(starts, seconds, "right")) - 1)


def _columns(desk: Desk, source: SourceInfo, shots: list[Shot]) -> list[Column]:
    frames, _ = desk.index.frames(source.id)
    columns, x = [], 0
    for shot in shots:
        width = int(min(max(_PER_SECOND * (shot.end - shot.start), _NARROW), _WIDE))
        first, last = np.searchsorted(frames, (shot.start_frame, shot.end_frame))
        frame = int(frames[(first + last) // 2]) if last > first else None
        columns.append(Column(shot, x, width, frame))
        x += width
    return columns


def _lanes(
    desk: Desk,
    source: SourceInfo,
    columns: list[Column],
    wanted: set[int] | None,
    most: int,
) -> tuple[list[dict[str, Any]], int]:
    """Lanes with their bars, most screen time here first, and how many more there would be."""
    tracks, roster = desk.index.tracks, desk.roster
    by_shot = {column.shot.index: column for column in columns}
    here = (tracks.source == source.id) & np.isin(tracks.shot, list(by_shot))
    lines: I8 = np.flatnonzero(here)
    who = roster.character[lines]
    ids, owner = np.unique(who, return_inverse=True)
    seconds = np.bincount(owner, tracks.seconds[lines], len(ids))
    shown: list[dict[str, Any]] = []
    for k in np.argsort(-seconds, kind="stable").tolist():
        character = int(ids[k])
        member = roster.members.get(character)
        if (wanted is not None and character not in wanted) or (member and member.ignored):
            continue
        bars = []
        for line in lines[owner == k].tolist() if len(shown) < most else ():
            column = by_shot[int(tracks.shot[line])]
            left, right = column.at(float(tracks.start[line])), column.at(float(tracks.end[line]))
            bars.append(
                {
                    "x": round(left, 1),
                    "width": round(max(right - left, 5.0), 1),
                    "frame": int(tracks.exemplar[line]),
                    "start": float(tracks.start[line]),
                    "end": float(tracks.end[line]),
                    "sure": float(roster.confidence[line]),
                }
            )
        shown.append(
            {"id": character, "member": member, "seconds": float(seconds[k]), "bars": bars}
        )
    shown.sort(key=lambda lane: lane["member"] is None)
    return shown[:most], max(0, len(shown) - most)
