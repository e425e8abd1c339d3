"""A chapter a shot, as Matroska's chapter XML (https://www.matroska.org/technical/chapters.html).

``mkvmerge -o out.mkv --chapters chapters.xml film.mp4`` puts them into a film.
"""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree as ET

from caststream.export.presence import spans
from caststream.export.view import FilmView, ShotView


def write(film: FilmView, out: TextIO) -> None:
    """Write one edition with a chapter for each shot, named by number and characters."""
    root = ET.Element("Chapters")
    edition = ET.SubElement(root, "EditionEntry")
    ET.SubElement(edition, "EditionFlagDefault").text = "1"
    for view in film.shots():
        shot = view.shot
        atom = ET.SubElement(edition, "ChapterAtom")
        ET.SubElement(atom, "ChapterUID").text = str(shot.index + 1)
        ET.SubElement(atom, "ChapterTimeStart").text = _clock(shot.start)
        ET.SubElement(atom, "ChapterTimeEnd").text = _clock(shot.end)
        display = ET.SubElement(atom, "ChapterDisplay")
        ET.SubElement(display, "ChapterString").text = _title(view)
        ET.SubElement(display, "ChapterLanguage").text = "und"
    if not len(edition.findall("ChapterAtom")):
        root.remove(edition)
    ET.indent(root)
    out.write('<?xml version="1.0" encoding="utf-8"?>\n')
    out.write('<!DOCTYPE Chapters SYSTEM "matroskachapters.dtd">\n')
    out.write(ET.tostring(root, encoding="unicode") + "\n")


def _title(view: ShotView) -> str:
    titles = dict.fromkeys(span.title for span in spans(view))
    return f"{view.shot.index + 1}. {', '.join(titles)}" if titles else f"{view.shot.index + 1}."


def _clock(seconds: float) -> str:
    """``3725.5`` -> ``01:02:05.500000000``, in nanoseconds as Matroska has them."""
    whole, nanoseconds = divmod(round(seconds * 1e9), 1_000_000_000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{nanoseconds:09}"
