"""Shots as clips and characters as markers: OpenTimelineIO, and through it FCP XML and EDL.

EDLs write the names of markers in upper case and know no more than one line; FCP XML keeps them.
"""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import TextIO

import opentimelineio as otio

from caststream.export.presence import spans
from caststream.export.view import FilmView, ShotView
from caststream.media.colors import character_color

_HUES = (
    ("RED", 0.0),
    ("ORANGE", 0.08),
    ("YELLOW", 0.16),
    ("GREEN", 0.33),
    ("CYAN", 0.5),
    ("BLUE", 0.64),
    ("PURPLE", 0.75),
    ("MAGENTA", 0.85),
    ("PINK", 0.93),
    ("RED", 1.0),
)
"""The colours that a marker can have, by their place on the wheel."""
_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0)
"""Timecode rates to fall back on; the first that is not slower than the film is taken."""


def write_otio(film: FilmView, out: TextIO) -> None:
    """Write OpenTimelineIO's own JSON."""
    out.write(otio.adapters.write_to_string(timeline(film, film.rate), "otio_json") + "\n")


def write_fcp(film: FilmView, out: TextIO) -> None:
    """Write Final Cut Pro 7 XML, which Premiere and Resolve read as well."""
    made = timeline(film, timecode_rate(film.rate))
    out.write(otio.adapters.write_to_string(made, "fcp_xml"))


def write_edl(film: FilmView, out: TextIO) -> None:
    """Write a CMX 3600 EDL; a locator a marker."""
    made = timeline(film, timecode_rate(film.rate))
    if not made.tracks[0]:
        out.write(f"TITLE: {made.name}\n")  # the adapter cannot write a track without clips
        return
    for clip in made.tracks[0]:
        for marker in clip.markers:
            marker.name = " ".join(marker.name.split())
    out.write(otio.adapters.write_to_string(made, "cmx_3600", style="premiere"))


def timecode_rate(rate: float) -> float:
    """The rate of timecode that a film is cut in: its own, or one that does not lose frames."""
    nearest = float(otio.opentime.RationalTime.nearest_smpte_timecode_rate(rate))
    if abs(nearest / rate - 1) < 0.01:
        return nearest
    whole = [r for r in _RATES if r >= rate * 0.99 and abs(r / rate - round(r / rate)) < 0.01]
    return (whole or [r for r in _RATES if r >= rate] or [_RATES[-1]])[0]


def timeline(film: FilmView, rate: float) -> otio.schema.Timeline:
    """A timeline of one track; the film's own cuts, each clip with a marker for each stay."""
    made = otio.schema.Timeline(name=film.stem, global_start_time=_at(0.0, rate))
    text = film.uri.encode("utf-8", "backslashreplace").decode()  # names may be any bytes
    made.metadata["caststream"] = {"source": film.id, "uri": text}
    track = otio.schema.Track(name="shots", kind=otio.schema.TrackKind.Video)
    made.tracks.append(track)
    whole = otio.opentime.TimeRange(_at(0.0, rate), _at(film.seconds, rate))
    behind = _at(0.0, rate)
    for view in film.shots():
        start, end = _at(view.shot.start, rate), _at(view.shot.end, rate)
        if end <= start:
            continue
        if start > behind:
            # The input jumped here: what follows stays where it belongs.
            track.append(otio.schema.Gap(duration=start - behind))
        behind = end
        clip = otio.schema.Clip(
            name=f"shot {view.shot.index + 1}",
            media_reference=otio.schema.ExternalReference(_url(film.uri), whole),
            source_range=otio.opentime.TimeRange(start, end - start),
        )
        clip.metadata["caststream"] = {
            "shot": view.shot.index,
            "transition": view.shot.transition,
            "score": round(view.shot.score, 3),
        }
        clip.markers.extend(_markers(view, rate))
        track.append(clip)
    return made


def _markers(view: ShotView, rate: float) -> list[otio.schema.Marker]:
    markers = []
    for span in spans(view):
        start = _at(span.start, rate)
        marker = otio.schema.Marker(
            name=span.title,
            marked_range=otio.opentime.TimeRange(start, _at(span.end, rate) - start),
            color=_marker_color(span.character),
        )
        marker.metadata["caststream"] = {
            "character": f"c{span.character}",
            "confidence": round(span.confidence, 3),
        }
        markers.append(marker)
    return markers


def _at(seconds: float, rate: float) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(float(round(seconds * rate)), rate)


def _marker_color(character: int) -> str:
    red, green, blue = character_color(character)
    hue = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)[0]
    return min(_HUES, key=lambda entry: abs(entry[1] - hue))[0]


def _url(uri: str) -> str:
    """An address as it is, a path as a ``file:`` address that other programs resolve."""
    if "://" in uri or uri == "-":
        return uri
    return Path(uri).absolute().as_uri()
