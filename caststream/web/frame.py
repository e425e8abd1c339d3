"""One frame with its boxes, shown over every view."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from caststream.store.schema import SourceInfo
from caststream.web.desk import Desk
from caststream.web.pictures import nearest, square, views
from caststream.web.render import desk_of, fragment, title


def frame(request: Request) -> Response:
    """A frame, who is in it, and the way to the frames before and after."""
    wanted = request.path_params["frame"]
    with desk_of(request).at_work() as desk:
        source = desk.index.source(request.path_params["source"])
        frames, times = desk.index.frames(source.id)
        seconds = nearest(frames, times, wanted)
        if seconds is None:
            raise KeyError(f"frame {wanted}")
        place = int(np.searchsorted(frames, wanted))
        shots = [s for s in desk.index.shots(source.id) if s.start_frame <= wanted < s.end_frame]
        return fragment(
            "frame.html",
            tag=desk.tag,
            source=source,
            film=desk.films.has(source),
            frame=wanted,
            seconds=seconds,
            shot=shots[0] if shots else None,
            boxes=boxes_at(desk, source, wanted),
            before=int(frames[place - 1]) if place else None,
            after=int(frames[place + 1]) if place + 1 < len(frames) else None,
        )


def boxes_at(desk: Desk, source: SourceInfo, frame: int) -> list[dict[str, Any]]:
    """Every box of a frame with who it is; large ones first, so that small ones lie on top."""
    tracks, roster = desk.index.tracks, desk.roster
    mine = (tracks.source == source.id) & (tracks.start_frame <= frame) & (tracks.end_frame > frame)
    found = []
    for line in np.flatnonzero(mine).tolist():
        seen = views(desk.index.reader, int(tracks.first_row[line]), int(tracks.boxes[line]))
        view = next((v for v in seen if v.frame == frame), None)
        if view is None:
            continue
        character = int(roster.character[line])
        crop = min((v for v in seen if v.crop), key=lambda v: abs(v.frame - frame), default=None)
        found.append(
            {
                "uid": int(tracks.uid[line]),
                "character": character if character >= 0 else None,
                "title": title(character, roster) if character >= 0 else "unknown",
                "sure": float(roster.confidence[line]),
                "box": view.box,
                "numbered": False,
                "square": square(view.box, source.start.width, source.start.height),
                "crop": crop is not None,
            }
        )
    return sorted(found, key=lambda b: -(b["box"][2] - b["box"][0]) * (b["box"][3] - b["box"][1]))
