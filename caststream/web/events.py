"""News for open pages, as server-sent events: something changed, or there is a new live picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from caststream.errors import CaststreamError
from caststream.web.render import desk_of

GLANCE = 0.5
"""Seconds between two looks at the store while a page is open."""
CALM = 2.0
"""Seconds between two calls to look again: a fast stream commits more often."""
_PING = 15.0


async def events(request: Request) -> Response:
    """One stream of news; ends when the browser goes, or the page's process."""
    return StreamingResponse(_news(request), media_type="text/event-stream")


async def _news(request: Request) -> AsyncIterator[str]:
    desk = desk_of(request)
    loop = asyncio.get_running_loop()
    watched = "live" in request.query_params
    told, seen = -1, ""
    quiet_since = changed_at = loop.time() - CALM
    yield "retry: 2000\n\n"
    ending = request.app.state.ending
    while not ending() and not await request.is_disconnected():
        now = loop.time()
        try:
            changes = await run_in_threadpool(desk.refresh)
        except CaststreamError:
            return  # the page asks again, and is told what is wrong where it is looked at
        if changes != told and now - changed_at >= CALM:
            told, changed_at, quiet_since = changes, now, now
            yield f"event: changed\ndata: {changes}\n\n"
        if watched:
            said = await run_in_threadpool(desk.onlooker.look)
            looks = said and [said["sources"], {k: v["frame"] for k, v in said["looks"].items()}]
            if (news := repr(looks)) != seen:
                seen, quiet_since = news, now
                yield "event: live\ndata: \n\n"
        if now - quiet_since > _PING:
            quiet_since = now
            yield ": still here\n\n"
        await asyncio.sleep(GLANCE)
