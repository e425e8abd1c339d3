"""Tracks in the XML of "CVAT for video 1.1", to be corrected there.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. Boxes of analysed frames are
keyframes; CVAT draws them in between, so that a person moves a few of them only.
"""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree as ET

from caststream.export.labels import writable
from caststream.export.view import UNKNOWN, Appearance, FilmView
from caststream.media.colors import character_color


def write(film: FilmView, out: TextIO) -> None:
    """Write one film; a label a title."""
    found = [one for shot in film.shots() for one in shot.appearances if len(one.frame)]
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    for key, value in {
        "name": film.stem,
        "size": film.frames,
        "mode": "interpolation",
        "start_frame": 0,
        "stop_frame": max(film.frames - 1, 0),
        "source": writable(film.uri),
    }.items():
        ET.SubElement(task, key).text = str(value)
    size = ET.SubElement(task, "original_size")
    ET.SubElement(size, "width").text = str(film.width)
    ET.SubElement(size, "height").text = str(film.height)
    labels = ET.SubElement(task, "labels")
    colors = {one.title or UNKNOWN: one.character for one in found}
    for title, character in sorted(colors.items()):
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = title
        ET.SubElement(label, "color").text = "#{:02x}{:02x}{:02x}".format(
            *character_color(character)
        )
        ET.SubElement(label, "attributes")
    for number, one in enumerate(found):
        root.append(_track(number, one, film.frames))
    ET.indent(root)
    out.write('<?xml version="1.0" encoding="utf-8"?>\n')
    out.write(ET.tostring(root, encoding="unicode") + "\n")


def _track(number: int, one: Appearance, frames: int) -> ET.Element:
    track = ET.Element("track", id=str(number), label=one.title or UNKNOWN, source="auto")
    for frame, box in zip(one.frame.tolist(), one.box.tolist(), strict=True):
        _box(track, frame, box, outside=False)
    if one.end_frame < frames:
        # Else the last box would stand there until the film's end.
        _box(track, one.end_frame, one.box[-1].tolist(), outside=True)
    return track


def _box(track: ET.Element, frame: int, box: list[float], *, outside: bool) -> None:
    x0, y0, x1, y1 = (f"{value:.2f}" for value in box)
    ET.SubElement(
        track, "box", frame=str(frame), outside=str(int(outside)), occluded="0", keyframe="1",
        xtl=x0, ytl=y0, xbr=x1, ybr=y1, z_order="0",
    )  # fmt: skip
