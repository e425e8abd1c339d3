"""Truth in the format of Manga109: a book of pages with figures and who they are.

    <book title="..."><characters><character id="00000003" name="..."/></characters>
    <pages><page index="3" width="1654" height="1170">
      <body id="..." xmin="66" ymin="5" xmax="170" ymax="175" character="00000003"/> ...

After Aizawa et al., *Building a Manga Dataset "Manga109" with Annotations for Multimedia
Applications* (IEEE MultiMedia, 2020). A page counts as a frame, a body as a box; faces, texts and
panels are passed over. Only bodies of named characters stand for identity: "Other" has none.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from caststream.errors import InputError
from caststream.evaluation.truth import Truth, TruthFrame

PAGES_A_SECOND = 1.0
"""What a book is taken to be shown at."""
LARGEST = 64 << 20
"""Bytes of a file; the largest book's has under two million."""


def read_manga109(path: str | Path) -> Truth:
    """Read the annotation of one book; InputError where it cannot be read or is none."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the truth file {path}: {error.strerror}") from error
    if len(data) > LARGEST or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise InputError(f"{path} is not an annotation of Manga109: too large, or with entities")
    try:
        book = ElementTree.fromstring(data)
        names = {c.attrib["id"]: c.attrib["name"] for c in book.iterfind("characters/character")}
        pages = book.findall("pages/page")
        frames = tuple(sorted((_page(p, names) for p in pages), key=lambda f: f.frame))
        return Truth(
            clip=book.attrib["title"],
            width=max((int(p.attrib["width"]) for p in pages), default=0),
            height=max((int(p.attrib["height"]) for p in pages), default=0),
            fps=PAGES_A_SECOND,
            complete=True,
            boundaries=None,
            ambiguous=[],
            frames=frames,
        )
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise InputError(f"{path} is not an annotation of Manga109: {error!r}") from error


def _page(page: Element, names: dict[str, str]) -> TruthFrame:
    bodies = page.findall("body")
    corners = ("xmin", "ymin", "xmax", "ymax")
    boxes = np.array([[float(b.attrib[c]) for c in corners] for b in bodies], np.float32)
    called = [names.get(b.attrib["character"], "other") for b in bodies]
    return TruthFrame(
        frame=int(page.attrib["index"]),
        boxes=boxes.reshape(-1, 4),
        characters=tuple("other" if name.lower() == "other" else name for name in called),
        tracks=(None,) * len(bodies),
        ignore=np.zeros(len(bodies), bool),
    )
