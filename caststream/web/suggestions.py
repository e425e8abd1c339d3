"""The view that asks: is this the same character?"""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import UsageError
from caststream.learning.edit import read_character, read_track, track_text
from caststream.messages import character_text
from caststream.web.changes import answered
from caststream.web.desk import Desk
from caststream.web.proposals import Proposal
from caststream.web.render import Form, desk_of, fragment, one, page, with_form

NEXT = 8
"""How many of the questions after this one are told."""
LOOKS = 6


def suggestions(request: Request) -> Response:
    """One question, and what comes after it."""
    with desk_of(request).at_work() as desk:
        asked = desk.proposals()
        return page(
            request,
            desk,
            "suggestions.html",
            asked=_shown(desk, asked[0]) if asked else None,
            following=[_shown(desk, p) for p in asked[1 : 1 + NEXT]],
            count=len(asked),
            skipped=len(desk.skipped),
        )


@with_form
def answer(request: Request, form: Form) -> Response:
    """Yes and no become acts; a skipped question waits until the others are answered."""
    with desk_of(request).at_work() as desk:
        kind, said = one(form, "kind"), one(form, "answer")
        character = read_character(one(form, "character"))
        if kind not in ("pair", "split", "track") or said not in ("yes", "no", "skip"):
            raise UsageError("this answer cannot be understood")
        read = read_character if kind == "pair" else read_track
        other = read(one(form, "other"))
        if said == "skip":
            desk.skip((kind, character, other))
            return fragment("nothing.html", changed=True)
        editor = desk.editor
        if kind == "pair":
            yes = said == "yes"
            act = editor.merge(other, character) if yes else editor.apart(character, other)
        elif kind == "split":
            tracks = editor.cast.splits().get(desk.current(character), [])
            if other not in tracks:
                raise UsageError("this question is over: something was said or learnt since")
            act = editor.split(tracks) if said == "yes" else editor.whole(character)
        elif said == "yes":
            act = editor.move([other], character)
        else:
            act = editor.not_this([other], character)
        return answered(desk, [act])


@with_form
def again(request: Request, form: Form) -> Response:
    """Ask what was skipped once more."""
    with desk_of(request).at_work() as desk:
        desk.skip(None)
        return fragment("nothing.html", changed=True)


def _shown(desk: Desk, asked: Proposal) -> dict[str, Any]:
    roster, tracks = desk.roster, desk.index.tracks
    pair = asked.kind == "pair"
    wanted = [asked.character, *([asked.other] if pair else [])]
    looks = {c: tracks.uid[k].tolist() for c, k in roster.looks(wanted, LOOKS).items()}
    shown: dict[str, Any] = {
        "kind": asked.kind,
        "member": roster.members[asked.character],
        "looks": [uid for uid in looks[asked.character] if pair or uid != asked.other],
        "sure": asked.likeness,
        "tracks": len(asked.tracks),
        "seconds": asked.seconds,
        "other": character_text(asked.other) if pair else track_text(asked.other),
    }
    if pair:
        shown["against"] = roster.members[asked.other]
        shown["others"] = looks[asked.other]
    elif asked.kind == "split":
        own = tracks.uid[roster.lines_of(asked.character)]
        rest = own[~np.isin(own, asked.tracks)].tolist()
        shown["against"] = None
        shown["others"] = _longest(desk, list(asked.tracks))
        shown["looks"] = _longest(desk, rest)
    else:
        line = int(desk.index.places(np.array([asked.other]))[0])
        shown["against"] = None
        shown["others"] = [asked.other]
        shown["source"] = int(tracks.uid[line]) >> 32
        shown["start"] = float(tracks.start[line])
        shown["frame"] = int(tracks.exemplar[line])
    return shown


def _longest(desk: Desk, uids: list[int]) -> list[int]:
    """The ``LOOKS`` tracks of these with most screen time."""
    lines = desk.index.places(np.array(uids, np.int64))
    lines = lines[lines >= 0]
    tracks = desk.index.tracks
    order = np.argsort(-tracks.seconds[lines], kind="stable")[:LOOKS]
    return list(map(int, tracks.uid[lines[order]].tolist()))
