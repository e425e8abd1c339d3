"""The view of a running stream: its newest picture, who is on it, its speed, what it learns."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import UsageError
from caststream.messages import character_text
from caststream.store import published
from caststream.store.lock import Lock
from caststream.web.desk import Desk
from caststream.web.render import Form, desk_of, fragment, number, one, page, with_form


def live(request: Request) -> Response:
    """The whole view."""
    desk = desk_of(request)
    said = desk.onlooker.look()
    with desk.at_work():
        return page(request, desk, "live.html", **_state(desk, said))


def now(request: Request) -> Response:
    """The part of it that changes twice a second."""
    desk = desk_of(request)
    said = desk.onlooker.look()
    with desk.at_work():
        return fragment("now.html", tag=desk.tag, **_state(desk, said))


def picture(request: Request) -> Response:
    """The newest picture of a source; its address names the frame, so that it is fetched once."""
    found = desk_of(request).onlooker.picture(request.path_params["source"])
    if found is None:
        raise HTTPException(404)
    return Response(found, media_type="image/jpeg")


@with_form
def rollback(request: Request, form: Form) -> Response:
    """Put an older model in force; a running stream goes on from it at its next commit."""
    with desk_of(request).at_work() as desk:
        wanted = number(one(form, "number"), 0)
        if wanted not in published.versions(desk.store):
            raise UsageError(f"model {wanted} is not kept any more")
        if desk.onlooker.look() is not None:
            published.rollback(desk.store, wanted)
        else:
            # Nobody runs that would notice: whoever tunes or labels now must not be overtaken.
            lock = Lock(desk.store)
            try:
                published.rollback(desk.store, wanted)
            finally:
                lock.release()
        return fragment(
            "toast.html", changed=True, text=f"Model {wanted} is in force again", act=None
        )


def _state(desk: Desk, said: dict[str, Any] | None) -> dict[str, Any]:
    model = desk.editor.cast.published
    return {
        "running": said is not None,
        "sources": [_source(desk, said, s) for s in said["sources"]] if said else [],
        "said": said,
        "models": desk.models(),
        "model": model.number,
        "tuned": model.meta.get("tuned", {}),
        "people": len([m for m in desk.roster.members.values() if not m.ignored]),
        "tracks": len(desk.index.tracks),
    }


def _source(desk: Desk, said: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    seen = said["looks"].get(str(source["source"]))
    boxes: list[dict[str, Any]] = []
    present: dict[int, float] = {}
    for box in seen["boxes"] if seen else ():
        x, y, width, height = box["box"]
        who = box["character"]
        called = box["name"] or character_text(who) or "unknown"
        corners = (x, y, x + width, y + height)
        boxes.append({"box": corners, "character": who, "title": called, "numbered": False})
        if who is not None:
            present[who] = max(box["confidence"], present.get(who, 0.0))
    looks = desk.roster.looks([c for c in present if c in desk.roster.members], 1)
    uids = desk.index.tracks.uid
    elapsed = max(source["elapsed"], 1e-6)
    length = source["length"]
    return {
        **source,
        "seen": seen,
        "boxes": boxes,
        "present": [
            (c, desk.roster.acts.name_of(c), sure, [int(uids[k]) for k in looks.get(c, ())])
            for c, sure in sorted(present.items(), key=lambda item: -item[1])
        ],
        "speed": source["seconds"] / elapsed,
        "rate": source["analysed"] / elapsed,
        "share": min(1.0, source["seconds"] / length) if length else None,
        "left": (length - source["seconds"]) * elapsed / max(source["seconds"], 1e-6)
        if length
        else None,
    }
