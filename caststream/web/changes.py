"""What people do on the page: each a POST that becomes one or more acts in the store's log."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import UsageError
from caststream.learning.edit import read_character, read_track
from caststream.messages import character_text
from caststream.store.acts import Act
from caststream.web.desk import Desk
from caststream.web.render import Form, desk_of, fragment, number, one, told, with_form


def answered(desk: Desk, acts: Sequence[Act]) -> Response:
    """Say what was done, with its undo at hand, and let the views look again."""
    last = desk.together(acts)
    done = told(last, desk.roster)
    more = f", and {len(acts) - 1} more" if len(acts) > 1 else ""
    return fragment("toast.html", changed=True, text=done["text"] + more, act=last.number)


@with_form
def name(request: Request, form: Form) -> Response:
    """Name a character; where another one has that name, offer to merge them."""
    with desk_of(request).at_work() as desk:
        character, given = read_character(one(form, "character")), one(form, "name")
        also = one(form, "also", "") == "1"
        holder = desk.holder(given, character)
        if holder is not None and not also:
            return fragment(
                "taken.html", 409, character=character, holder=holder.id, name=holder.name
            )
        return answered(desk, [desk.editor.name(character, given, also=also)])


@with_form
def merge(request: Request, form: Form) -> Response:
    """Make several characters one: the named one with most screen time, or the one given."""
    with desk_of(request).at_work() as desk:
        chosen = _chosen(desk, form.get("character", []))
        into = _chosen(desk, [one(form, "into")])[0] if "into" in form else _leader(desk, chosen)
        acts = [desk.editor.merge(gone, into) for gone in chosen if gone != into]
        if not acts:
            raise UsageError("choose at least two characters to merge")
        return answered(desk, acts)


def _leader(desk: Desk, chosen: list[int]) -> int:
    if not chosen:
        raise UsageError("choose at least two characters to merge")
    known = [desk.roster.members[c] for c in chosen]
    return max(known, key=lambda m: (bool(m.name), m.seconds, -m.id)).id


def _chosen(desk: Desk, texts: Sequence[str]) -> list[int]:
    """The characters that are meant, each once and by the id that it goes by now.

    Raises UsageError for one that is not there, before anything is done to the others.
    """
    chosen = list(dict.fromkeys(desk.current(read_character(text)) for text in texts))
    for character in chosen:
        if character not in desk.roster.members:
            raise UsageError(f"there is no character {character_text(character)} here any more")
    return chosen


@with_form
def split(request: Request, form: Form) -> Response:
    """Make a character of its own of the chosen tracks."""
    with desk_of(request).at_work() as desk:
        return answered(desk, [desk.editor.split(_tracks(form))])


@with_form
def move(request: Request, form: Form) -> Response:
    """Put the chosen tracks into another character."""
    with desk_of(request).at_work() as desk:
        into = read_character(one(form, "into"))
        return answered(desk, [desk.editor.move(_tracks(form), into)])


@with_form
def not_this(request: Request, form: Form) -> Response:
    """Say that the chosen tracks are not this character."""
    with desk_of(request).at_work() as desk:
        character = read_character(one(form, "character"))
        return answered(desk, [desk.editor.not_this(_tracks(form), character)])


@with_form
def ignore(request: Request, form: Form) -> Response:
    """Leave characters out of all labels, or take them in again."""
    with desk_of(request).at_work() as desk:
        ignored = one(form, "ignored", "1") == "1"
        chosen = _chosen(desk, form.get("character", []))
        if not chosen:
            raise UsageError("choose at least one character")
        return answered(desk, [desk.editor.ignore(c, ignored) for c in chosen])


@with_form
def undo(request: Request, form: Form) -> Response:
    """Take back the last thing done, or the one given."""
    with desk_of(request).at_work() as desk:
        given = number(one(form, "act", ""), 0)
        act = desk.act(given) if given else desk.last_act()
        if act is None:
            raise UsageError("there is nothing to undo")
        text = told(act, desk.roster)["text"]
        desk.undo(act.number)
        return fragment("toast.html", changed=True, text=f"Undone: {text}", act=None)


def _tracks(form: Form) -> list[int]:
    return [read_track(text) for text in form.get("track", [])]
