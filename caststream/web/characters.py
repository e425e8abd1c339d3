"""The view of all characters, and that of one with its tracks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import UsageError
from caststream.learning.edit import read_character
from caststream.web.desk import Desk
from caststream.web.render import desk_of, number, page
from caststream.web.roster import Member

CARDS = 48
"""A page of characters."""
STRIPS = 120
"""A page of tracks."""
SHOWN = ("all", "unnamed", "named", "ignored")
SORTED = ("time", "first", "sure", "name")


def characters(request: Request) -> Response:
    """All characters as cards."""
    query = request.query_params
    shown = query.get("show", "all") if query.get("show") in SHOWN else "all"
    sort = query.get("sort", "time") if query.get("sort") in SORTED else "time"
    find = query.get("find", "").strip()[:200]
    with desk_of(request).at_work() as desk:
        everyone = list(desk.roster.members.values())
        counts = {kind: sum(_shown(m, kind) for m in everyone) for kind in SHOWN}
        found = [m for m in everyone if _shown(m, shown) and matches(m, find)]
        found.sort(key=_KEYS[sort])
        pages = max(1, -(-len(found) // CARDS))
        at = min(max(1, number(query.get("page"), 1)), pages)
        here = found[(at - 1) * CARDS : at * CARDS]
        return page(
            request,
            desk,
            "characters.html",
            cards=_cards(desk, here),
            several=len(desk.index.sources()) > 1,
            counts=counts,
            shown=shown,
            sort=sort,
            find=find,
            at=at,
            pages=pages,
            unlabelled=desk.roster.unlabelled,
            seconds=sum(m.seconds for m in everyone if not m.ignored),
            named=sum(m.seconds for m in everyone if m.name and not m.ignored),
            running=desk.running,
        )


def character(request: Request) -> Response:
    """One character and all its tracks, to split, move, or say "not this one"."""
    with desk_of(request).at_work() as desk:
        try:
            wanted = read_character(request.path_params["character"])
        except UsageError:
            wanted = -1
        wanted = desk.current(wanted)
        member = desk.roster.members.get(wanted)
        if member is None:
            raise KeyError(f"character {wanted}")
        lines = desk.roster.lines_of(wanted)
        doubtful = request.query_params.get("order") == "doubt"
        if doubtful:
            lines = lines[desk.roster.confidence[lines].argsort(kind="stable")]
        pages = max(1, -(-len(lines) // STRIPS))
        at = min(max(1, number(request.query_params.get("page"), 1)), pages)
        here = lines[(at - 1) * STRIPS : at * STRIPS]
        tracks = desk.index.tracks
        sources = {s.id: s for s in desk.index.sources()}
        others = [m for m in desk.roster.members.values() if m.id != wanted and not m.ignored]
        return page(
            request,
            desk,
            "character.html",
            card=_cards(desk, [member])[0],
            tracks=[
                {
                    "uid": int(tracks.uid[k]),
                    "start": float(tracks.start[k]),
                    "seconds": float(tracks.seconds[k]),
                    "sure": float(desk.roster.confidence[k]),
                    "source": sources[int(tracks.uid[k]) >> 32],
                    "frame": int(tracks.exemplar[k]),
                    "placed": int(tracks.uid[k]) in desk.roster.acts.placed,
                }
                for k in here.tolist()
            ],
            doubtful=doubtful,
            at=at,
            pages=pages,
            others=others[:200],
            several=len(sources) > 1,
        )


def matches(member: Member, find: str) -> bool:
    """Whether a search by name or id finds this character."""
    if not find:
        return True
    return find.casefold() in (member.name or "").casefold() or find.lower() == f"c{member.id}"


def _shown(member: Member, kind: str) -> bool:
    if kind == "ignored" or member.ignored:
        return member.ignored and kind == "ignored"
    return kind == "all" or (kind == "named") == bool(member.name)


def _cards(desk: Desk, members: list[Member]) -> list[dict[str, Any]]:
    tracks = desk.index.tracks
    looks = desk.roster.looks([m.id for m in members])
    return [
        {
            "member": member,
            "looks": [int(tracks.uid[k]) for k in looks[member.id]],
            "first": float(tracks.start[member.first]),
            "last": float(tracks.end[member.last]),
            "source": int(tracks.uid[member.first]) >> 32,
            "last_source": int(tracks.uid[member.last]) >> 32,
        }
        for member in members
    ]


_KEYS: dict[str, Any] = {
    "time": lambda m: (-m.seconds, m.id),
    "first": lambda m: (m.first, m.id),
    "sure": lambda m: (m.confidence, m.id),
    "name": lambda m: (not m.name, (m.name or "").casefold(), m.id),
}
