"""Names as subtitles: plain ones (SRT), and ones that move with the characters (ASS)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TextIO

import numpy as np
import pysubs2

from caststream.export.presence import cues, ends
from caststream.export.view import Appearance, FilmView, ShotView
from caststream.media.colors import character_color

FAR = 0.015
"""Share of the picture's height by which a name may be off its character's head."""


def write_srt(film: FilmView, out: TextIO) -> None:
    """Write who is on screen, one line of names a cue."""
    subtitles = pysubs2.SSAFile()
    for cue in cues(film):
        text = ", ".join(span.title for span in cue.spans)
        subtitles.append(pysubs2.SSAEvent(_ms(cue.start), _ms(cue.end), text=_plain(text)))
    # Braces are a character's own here, not a style: pysubs2 would take them out.
    out.write(subtitles.to_string("srt", keep_unknown_html_tags=True, keep_ssa_tags=False))


def write_ass(film: FilmView, out: TextIO) -> None:
    """Write a name over each known character, moving with it; players draw it over the film."""
    subtitles = pysubs2.SSAFile()
    subtitles.info.update(
        {
            "Title": film.stem,
            "PlayResX": str(film.width),
            "PlayResY": str(film.height),
            "ScaledBorderAndShadow": "yes",
        }
    )
    subtitles.styles.clear()
    for shot in film.shots():
        for one in shot.appearances:
            if one.character is not None and len(one.time):
                style = f"c{one.character}"
                subtitles.styles.setdefault(style, _style(film, one.character))
                subtitles.extend(_events(film, shot, one, style))
    subtitles.sort()
    out.write(subtitles.to_string("ass"))


def _size(film: FilmView) -> float:
    """Height of the letters in pixels of the film."""
    return max(film.height / 24, 10.0)


def _style(film: FilmView, character: int) -> pysubs2.SSAStyle:
    size = _size(film)
    return pysubs2.SSAStyle(
        fontname="Arial",
        fontsize=round(size, 1),
        primarycolor=pysubs2.Color(*character_color(character)),
        outlinecolor=pysubs2.Color(0, 0, 0),
        bold=True,
        outline=round(size / 14, 1),
        shadow=0.0,
        alignment=pysubs2.Alignment.BOTTOM_CENTER,
    )


def _events(
    film: FilmView, shot: ShotView, one: Appearance, style: str
) -> Iterator[pysubs2.SSAEvent]:
    """The track's way as straight pieces, each an event that moves from one end to the other."""
    start, end = ends(shot, one)
    if end <= start:
        return
    # Names stand on the boxes, and inside of those that reach up to the picture's edge.
    tops = np.maximum(one.box[:, 1], 1.2 * _size(film))
    heads = np.column_stack([(one.box[:, 0] + one.box[:, 2]) / 2, tops]).astype(float)
    times = [*one.time.tolist(), end]
    heads = np.vstack([heads, heads[-1]])
    bends = _bends(np.array(times), heads, FAR * film.height)
    for a, b in pairwise(bends):
        (x0, y0), (x1, y1) = heads[a].round(1).tolist(), heads[b].round(1).tolist()
        still = abs(x1 - x0) + abs(y1 - y0) < 1
        place = f"\\pos({x0:g},{y0:g})" if still else f"\\move({x0:g},{y0:g},{x1:g},{y1:g})"
        yield pysubs2.SSAEvent(
            _ms(times[a]),
            _ms(times[b]),
            text=f"{{{place}}}{_escaped(one.title or '')}",
            style=style,
            # The field has no way to write a comma.
            name=(one.title or "").replace(",", ";"),
        )


def _bends(times: np.ndarray, points: np.ndarray, tolerance: float) -> list[int]:
    """Which points to keep so that none is further off (Ramer, Douglas, Peucker; over time)."""
    keep = {0, len(times) - 1}
    stack = [(0, len(times) - 1)]
    while stack:
        first, last = stack.pop()
        inner = np.arange(first + 1, last)
        if not len(inner):
            continue
        share = (times[inner] - times[first]) / max(times[last] - times[first], 1e-9)
        line = points[first] + share[:, None] * (points[last] - points[first])
        off = np.linalg.norm(points[inner] - line, axis=1)
        worst = int(np.argmax(off))
        if off[worst] > tolerance:
            middle = int(inner[worst])
            keep.add(middle)
            stack += [(first, middle), (middle, last)]
    return sorted(keep)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _plain(text: str) -> str:
    """Text that subtitle players cannot take for markup."""
    return text.replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")


def _escaped(text: str) -> str:
    """The same for ASS, where a backslash begins a command as well."""
    return text.replace("\\", "＼").replace("{", "(").replace("}", ")")
