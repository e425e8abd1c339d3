"""How a film's pictures are to be stood up: turned by quarters, mirrored, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData

_TRANSPOSED = {
    (False, False): "transpose=cclock_flip",
    (True, False): "transpose=clock",
    (False, True): "transpose=cclock",
    (True, True): "transpose=clock_flip",
}
"""The filter that swaps rows and columns, then mirrors as told."""


class Way(NamedTuple):
    """From the pictures as they are coded to those that are shown: first across, then mirrored."""

    across: bool = False
    """Rows become columns."""
    left_right: bool = False
    upside_down: bool = False

    @property
    def chain(self) -> str:
        """As filters of libavfilter; nothing where pictures are upright as they are."""
        if self.across:
            return _TRANSPOSED[self.left_right, self.upside_down]
        flips = ("hflip", self.left_right), ("vflip", self.upside_down)
        return ",".join(name for name, wanted in flips if wanted)

    def stand(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The same to a picture (H, W, 3)."""
        picture = picture.swapaxes(0, 1) if self.across else picture
        rows, columns = slice(None, None, 1 - 2 * self.upside_down), 1 - 2 * self.left_right
        return np.ascontiguousarray(picture[rows, ::columns])


def way_up(frame: av.VideoFrame) -> Way:
    """What the file says of a frame, to the nearest quarter of a turn.

    The matrix has rows (a, b, u), (c, d, v), (x, y, w) and takes a point (p, q) to
    (a p + c q + x, b p + d q + y) (ISO/IEC 14496-12, 6.2.2; FFmpeg's ``libavutil/display.h``).
    """
    # Not ``frame.side_data``: the frame would keep it, and it the frame, until Python next looks
    # for cycles, which takes it hundreds of pictures.
    matrix = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if matrix is None:
        return Way()
    a, b, _, c, d, *_ = np.frombuffer(bytes(cast("SideData", matrix)), np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Way(False, a < 0, d < 0)
    return Way(True, c < 0, b < 0)
