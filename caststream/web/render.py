"""Templates into pages: escaping is always on, and everything that is said often is said here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any
from urllib.parse import parse_qs, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from caststream.errors import UsageError
from caststream.learning.edit import track_text
from caststream.messages import character_text
from caststream.store.acts import Act
from caststream.web.captions import captions
from caststream.web.colors import color_of
from caststream.web.desk import Desk
from caststream.web.roster import Member, Roster

Form = dict[str, list[str]]
VIEWS = (
    ("characters", "Characters"),
    ("suggestions", "Suggestions"),
    ("timeline", "Timeline"),
    ("live", "Live"),
    ("compare", "Compare"),
)
"""Path and title of each view, in the order of the navigation."""


def desk_of(request: Request) -> Desk:
    """The desk that this page works on."""
    desk: Desk = request.app.state.desk
    return desk


def page(request: Request, desk: Desk, template: str, **values: Any) -> Response:
    """A whole page with navigation; call it at work, since it looks at the dictionary."""
    query = f"?{request.url.query}" if request.url.query else ""
    last = desk.last_act()
    made = environment().get_template(template)
    text = made.render(
        view=template.removesuffix(".html"),
        views=VIEWS,
        here=request.url.path + query,
        link=_linker(request),
        store=desk.store.name,
        tag=desk.tag,
        changes=desk.changes,
        last=told(last, desk.roster) if last is not None else None,
        names=desk.roster.names,
        **values,
    )
    return HTMLResponse(text)


def fragment(template: str, status: int = 200, changed: bool = False, **values: Any) -> Response:
    """A piece for htmx to put in place; ``changed`` lets every view look again."""
    headers = {"hx-trigger": "changed"} if changed else {}
    text = environment().get_template(template).render(**values)
    return HTMLResponse(text, status, headers)


def with_form(
    handler: Callable[[Request, Form], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Let a handler of a form work on a thread, with what was sent."""

    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            text = (await request.body()).decode("utf-8")
            form = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=20_000)
        except ValueError:
            raise UsageError("this form cannot be read") from None
        return await run_in_threadpool(handler, request, form)

    return endpoint


def one(form: Form, name: str, otherwise: str | None = None) -> str:
    """The value of a field that is given once; UsageError where it is missing."""
    values = form.get(name, [] if otherwise is None else [otherwise])
    if len(values) != 1:
        raise UsageError(f'the form lacks "{name}"')
    return values[0]


def number(text: str | None, otherwise: int, most: int = 1 << 62) -> int:
    """A number of an address, bounded; what is none counts as not given."""
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 18:
        return otherwise
    return min(int(text), most)


def told(act: Act, roster: Roster) -> dict[str, Any]:
    """An act in words: its number, and what undoing it would take back."""

    def called(key: str) -> str:
        return title(int(act.arguments[key]), roster)

    tracks = len(act.arguments.get("tracks", ()))
    some = "1 track" if tracks == 1 else f"{tracks} tracks"
    match act.kind:
        case "name" | "rename":
            given = act.arguments["name"]
            who = character_text(int(act.arguments["character"]))
            text = f"{who} is “{given}”" if given else f"{who} has no name"
        case "merge":
            text = f"{character_text(int(act.arguments['from']))} merged into {called('into')}"
        case "split":
            text = f"{some} split off as {character_text(int(act.arguments['into']))}"
        case "move":
            text = f"{some} moved to {called('into')}"
        case "not_this":
            text = f"{some} not {called('character')}"
        case "ignore":
            again = "" if act.arguments.get("ignored", True) else "no longer "
            text = f"{called('character')} {again}ignored"
        case "whole":
            text = f"{called('character')} is one character"
        case "apart":
            text = f"{called('one')} is not {called('other')}"
        case _:
            text = f"act {act.number} undone"
    return {"number": act.number, "text": text}


def title(character: int, roster: Roster) -> str:
    """What a character is called: its name, else its id."""
    return roster.acts.name_of(character) or character_text(character) or ""


def clock(seconds: float) -> str:
    """``3725.4`` -> ``1:02:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def count(value: int, word: str) -> str:
    """``1 track``, ``12,345 tracks``."""
    return f"{value:,} {word}" if value == 1 else f"{value:,} {word}s"


def _called(member: Member) -> str:
    return member.name or character_text(member.id) or ""


def _linker(request: Request) -> Callable[..., str]:
    """``link(page=2)``: this address with some of its query changed; None takes one out."""

    def link(**changed: Any) -> str:
        values = {**request.query_params, **changed}
        query = urlencode({k: v for k, v in values.items() if v not in (None, "")})
        return f"{request.url.path}?{query}" if query else request.url.path

    return link


@cache
def environment() -> Environment:
    """The templates of this package."""
    made = Environment(
        loader=PackageLoader("caststream.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=clock,
        count=count,
        cid=character_text,
        tid=track_text,
        color=color_of,
        called=_called,
        captions=captions,
    )
    return made
