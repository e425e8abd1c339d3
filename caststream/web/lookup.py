"""Which character is on a picture: found, cut out and compared with the gallery of a store."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.errors import UsageError
from caststream.learning.cast import Cast
from caststream.messages import F4

if TYPE_CHECKING:
    from caststream.vision.detector import Detector
    from caststream.vision.embedder import Embedder

MOST_PIXELS = 40_000_000
"""Pixels of a picture: what a good camera makes, and 120 MB when it is decoded."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
SCORE = 0.3
"""Detections that score less are not looked up."""
_LONGER = 1280
"""Pixels to which the longer side of a larger picture is brought."""
_MOST_BOXES = 6


@dataclass(frozen=True, slots=True)
class Match:
    """One place on the picture, and who it looks like, the likeliest first."""

    box: tuple[float, float, float, float]
    whole: bool
    """It is the whole picture, and no detection."""
    character: int | None
    """Who it is taken for; None where nobody is near enough."""
    likely: tuple[tuple[int, float], ...]
    """(character, similarity) of the nearest prototype."""


class Lookup:
    """Detector and embedder, loaded when a picture is first dropped; for one thread at a time."""

    def __init__(self) -> None:
        self._detector: Detector | None = None
        self._embedder: Embedder | None = None

    def find(self, picture: NDArray[np.uint8], cast: Cast, embedder: str | None) -> list[Match]:
        """Look up everybody on a picture (H, W, 3), and the picture as a whole.

        ``embedder`` is the digest of the one that the store was made with. Raises UsageError where
        that is another one than ours: vectors of two networks cannot be compared.
        """
        import av

        from caststream.media.picture import Picture
        from caststream.media.surface import CpuSurface, Scalers
        from caststream.vision.detector import Detector
        from caststream.vision.embedder import Embedder
        from caststream.vision.focus import focus

        if not len(cast.published.prototypes):
            raise UsageError("nobody is known in this store yet: label a film first")
        self._embedder = self._embedder or Embedder.load()
        if embedder not in (None, self._embedder.digest):
            raise UsageError("this store was made with another embedder, which is not loaded here")
        self._detector = self._detector or Detector.load()
        height, width = picture.shape[:2]
        seen = Picture(CpuSurface(av.VideoFrame.from_ndarray(picture, "rgb24"), Scalers()))
        size = self._detector.size_for(width, height)
        boxes, scores = self._detector.detect(seen.resized(*size)[None])[0]
        boxes = seen.boxes_from(boxes[scores >= SCORE], *size)[:_MOST_BOXES]
        boxes = np.vstack([boxes, [[0, 0, width, height]]]).astype(np.float32)
        crops = focus(seen.crops(boxes, self._embedder.crop_size), seen.inside(boxes))
        features = self._embedder.features(crops)
        vectors = self._embedder.project(features, cast.published.head or None)
        return [
            self._match(boxes[k], k == len(boxes) - 1, vectors[k], cast) for k in range(len(boxes))
        ]

    @staticmethod
    def _match(box: F4, whole: bool, vector: F4, cast: Cast) -> Match:
        published = cast.published
        owner = np.array(
            [cast.acts.resolve(int(c)) for c in published.prototype_character], np.int64
        )
        ids, member = np.unique(owner, return_inverse=True)
        best = np.full(len(ids), -1.0)
        np.maximum.at(best, member, published.prototypes @ vector)
        order = np.argsort(-best, kind="stable")
        ignored = {cast.acts.resolve(c) for c in cast.acts.ignored}
        likely = [(int(ids[k]), float(best[k])) for k in order if int(ids[k]) not in ignored]
        verdict = cast.recognise(vector, cast.vectors)
        x0, y0, x1, y1 = (float(v) for v in box)
        return Match((x0, y0, x1, y1), whole, verdict.character, tuple(likely[:5]))


def read_picture(data: bytes) -> NDArray[np.uint8]:
    """A picture that somebody sent as (H, W, 3) RGB, upright and of moderate size.

    Raises UsageError for what is no picture, is damaged, or has more pixels than ``MOST_PIXELS``:
    its size is looked at before anything is decoded.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        picture.draft("RGB", (_LONGER, _LONGER))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((_LONGER, _LONGER))
        if min(upright.size) < 8:
            raise UsageError(f"a picture of {upright.width} x {upright.height} shows nothing")
        ground = Image.new("RGBA", upright.size, "white")
        ground.alpha_composite(upright.convert("RGBA"))
        return np.asarray(ground.convert("RGB"))
    except UsageError:
        raise
    except Image.DecompressionBombError:
        most = MOST_PIXELS // 1_000_000
        raise UsageError(f"this picture is too large: {most} million pixels are the most") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise UsageError(f"this is no picture that can be read ({type(error).__name__})") from None
