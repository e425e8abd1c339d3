"""The view that tells who is on a picture that somebody drops on it."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from caststream.web.guard import MOST_UPLOAD
from caststream.web.lookup import FORMATS, MOST_PIXELS, read_picture
from caststream.web.render import desk_of, fragment, page


def compare(request: Request) -> Response:
    """A place to drop a picture on."""
    with desk_of(request).at_work() as desk:
        return page(
            request,
            desk,
            "compare.html",
            formats=", ".join(FORMATS),
            most=MOST_UPLOAD >> 20,
            pixels=MOST_PIXELS // 1_000_000,
        )


async def look_up(request: Request) -> Response:
    """Who is on the picture that is the body of the request."""
    data = await request.body()
    return await run_in_threadpool(_answer, request, data)


def _answer(request: Request, data: bytes) -> Response:
    picture = read_picture(data)
    found = desk_of(request).look_up(picture)
    with desk_of(request).at_work() as desk:
        roster, tracks = desk.roster, desk.index.tracks
        everyone = {c for match in found for c, _ in match.likely}
        known = [c for c in everyone if c in roster.members]
        looks = {c: int(tracks.uid[k[0]]) for c, k in roster.looks(known, 1).items() if k}
        seen = [
            {
                "box": match.box,
                "whole": match.whole,
                "character": match.character,
                "title": str(number),
                "numbered": True,
                "likely": [
                    (roster.members[c], looks.get(c), max(0.0, likeness))
                    for c, likeness in match.likely
                    if c in roster.members
                ],
            }
            for number, match in enumerate(found, 1)
        ]
        return fragment(
            "matches.html",
            tag=desk.tag,
            width=picture.shape[1],
            height=picture.shape[0],
            matches=[m for m in seen if not m["whole"]] or seen,
            whole=seen[-1],
        )
