"""Boxes and names drawn on pictures."""

from __future__ import annotations

import functools
import unicodedata

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from caststream.media.colors import ink_on

Color = tuple[int, int, int]
Picture = NDArray[np.uint8]

_FONTS = (
    "DejaVuSans-Bold.ttf",
    "DejaVuSans.ttf",
    "NotoSans-Bold.ttf",
    "NotoSansCJK-Bold.ttc",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
    "arialbd.ttf",
    "msgothic.ttc",
    "Hiragino Sans GB.ttc",
)
"""Looked for by name in the folders of the system, for what the built-in font cannot draw."""
_KEPT = 512
"""Tags kept ready; a film has a few dozen names, each with up to a hundred confidences."""


def draw_box(picture: Picture, box: NDArray[np.float32], color: Color, thick: int) -> None:
    """Draw the outline of a box (4,) xyxy into a picture (H, W, 3), inside of its edges."""
    height, width = picture.shape[:2]
    x0, y0 = (max(0, int(v)) for v in np.floor(box[:2]))
    x1, y1 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x1 <= x0 or y1 <= y0:
        return
    for part in (
        picture[y0 : min(y0 + thick, y1), x0:x1],
        picture[max(y1 - thick, y0) : y1, x0:x1],
        picture[y0:y1, x0 : min(x0 + thick, x1)],
        picture[y0:y1, max(x1 - thick, x0) : x1],
    ):
        part[:] = color


def draw_tag(picture: Picture, box: NDArray[np.float32], tag: Picture) -> None:
    """Put a tag on top of a box, or inside of it where the picture ends."""
    height, width = picture.shape[:2]
    tall, wide = min(tag.shape[0], height), min(tag.shape[1], width)
    x = int(min(max(box[0], 0), width - wide))
    y = int(box[1]) - tall
    y = min(max(y if y >= 0 else int(max(box[1], 0)), 0), height - tall)
    picture[y : y + tall, x : x + wide] = tag[:tall, :wide]


class Tags:
    """Names as small pictures, drawn once each."""

    def __init__(self, size: int, font: str = "") -> None:
        """``size`` is the height of letters in pixels, ``font`` a file to use for all of them.

        Raises OSError where the font cannot be read.
        """
        self._size = size
        self._own = ImageFont.truetype(font, size) if font else None
        self._draw = functools.lru_cache(_KEPT)(self._drawn)

    def tag(self, text: str, color: Color) -> Picture:
        """The text (h, w, 3) on a ground of this colour."""
        return self._draw(text, color)

    def can_draw(self, text: str) -> bool:
        """Whether some font here has all letters of the text."""
        return self._own is not None or _font_for(text, self._size) is not None

    def _drawn(self, text: str, color: Color) -> Picture:
        font = self._own or _font_for(text, self._size) or _builtin(self._size)
        left, top, right, bottom = font.getbbox(text)
        # Names with and without descenders have to get tags of one height.
        up, down = font.getbbox("Äg|")[1::2]
        top, bottom = min(top, up), max(bottom, down)
        pad = max(2, self._size // 5)
        size = (round(right - left) + 2 * pad, round(bottom - top) + pad)
        image = Image.new("RGB", size, color)
        ImageDraw.Draw(image).text((pad - left, pad // 2 - top), text, ink_on(color), font)
        return np.asarray(image)


def _builtin(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _font_for(text: str, size: int) -> ImageFont.FreeTypeFont | None:
    """The first font that has all letters of a text; None where there is none."""
    letters = {c for c in text if not c.isspace() and unicodedata.category(c) != "Cf"}
    if _has(_builtin(size), letters):
        return _builtin(size)
    for name in _FONTS:
        font = _system_font(name, size)
        if font is not None and _has(font, letters):
            return font
    return None


@functools.cache
def _system_font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _has(font: ImageFont.FreeTypeFont, letters: set[str]) -> bool:
    missing = bytes(font.getmask("\U0010fffe"))
    return all(bytes(font.getmask(c)) != missing for c in letters)
