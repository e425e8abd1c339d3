"""From decoded frames to numbered pictures: filters, upright, in coordinates that stay."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import av

from caststream.errors import UsageError
from caststream.media.filters import FilterChain
from caststream.media.geometry import Geometry
from caststream.media.hardware import fetched, say_once
from caststream.media.picture import Picture
from caststream.media.sound import Ear, Sound
from caststream.media.sources import Source
from caststream.media.surface import CpuSurface, Scalers, Surface
from caststream.media.upright import way_up

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """One decoded frame: its number, its time in seconds, its picture."""

    index: int
    time: float
    picture: Picture
    arrived: float
    """When its packet came, on the monotonic clock."""
    sound: Sound | None = None
    """What came since the frame before, where somebody listens and there is a sound."""


class Showing:
    """Makes pictures of one source's frames, whatever shapes they come in."""

    def __init__(self, source: Source, chain: str, ear: Ear | None) -> None:
        """``chain`` is a libavfilter chain; pictures bring what ``ear`` has heard meanwhile."""
        self._source = source
        self._chain_text = chain
        self._ear = ear
        self._chain: FilterChain | None = None
        self._shape: tuple[object, ...] = ()
        self._refused: tuple[object, ...] = ()
        self._scalers = Scalers()
        self._aspect = 1.0
        self._geometry = Geometry()
        self._times: dict[int, tuple[float, float]] = {}
        """Frame number -> its time, and when it arrived."""
        self.width = source.stream.width
        self.height = source.stream.height

    def resizes(self, frame: av.VideoFrame) -> bool:
        """Whether a frame has another size or turn than those before it."""
        return bool(self._shape) and self._shape[:3] != _shape(frame)[:3]

    def within_reach(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame, or a copy in main memory of one that lies where it cannot be worked on."""
        if frame.format.name != "cuda":
            if self._source.hardware is not None:
                say_once(
                    f"{self._source.name}: the GPU does not decode "
                    f"{self._source.stream.codec_context.name} as {frame.format.name}: "
                    "the processor does"
                )
            return frame
        # Filters work in main memory.
        return fetched(frame) if self._chain_text or way_up(frame).chain else frame

    def adapt(self, frame: av.VideoFrame) -> Iterator[Shown]:
        """Get ready for a frame that may have another shape; gives what the filters still held."""
        shape = _shape(frame)
        if shape != self._shape:
            yield from self.flush()
            if shape != self._refused:
                self._set_up(frame, shape)

    def takes(self, frame: av.VideoFrame) -> bool:
        """Whether a frame, once adapted to, can be shown.

        Filters may refuse a shape in mid-stream: one damaged header must not end a stream, so
        such frames are left out.
        """
        return _shape(frame) == self._shape

    def push(
        self, frame: av.VideoFrame, number: int, time: float, arrived: float
    ) -> Iterator[Shown]:
        """Show a frame, now or as soon as the filters let go of it."""
        self._times[number] = time, arrived
        if self._chain is None:
            yield self._shown(number, frame)
        else:
            for shown, picture in self._chain.push(frame, number):
                yield self._shown(shown, picture)

    def flush(self) -> Iterator[Shown]:
        """What the filters still hold."""
        if self._chain is not None:
            for number, picture in self._chain.flush():
                yield self._shown(number, picture)
        self._times.clear()

    def _set_up(self, frame: av.VideoFrame, shape: tuple[object, ...]) -> None:
        """Make filters and geometry anew for frames of another shape."""
        turn = way_up(frame).chain
        width, height = frame.width, frame.height
        geometry, chain = Geometry(), None
        if self._chain_text or turn:
            try:
                chain = FilterChain(self._chain_text, frame, turn)
            except UsageError as error:
                if not self._shape:
                    raise
                log.warning("frames are left out: %s", error)
                self._refused = shape
                return
            width, height, geometry = chain.width, chain.height, chain.geometry
        if not self._shape:
            self.width, self.height = width, height
        self._shape, self._refused, self._chain = shape, (), chain
        self._aspect = float(self._source.stream.sample_aspect_ratio or 1.0)
        if "transpose" in turn:
            self._aspect = 1.0 / self._aspect
        announced = Geometry(self.width / width, 0.0, self.height / height, 0.0)
        self._geometry = announced.after(geometry)

    def _shown(self, number: int, frame: av.VideoFrame) -> Shown:
        surface = self._surface(frame)
        picture = Picture(surface, self.width, self.height, self._geometry, self._aspect)
        now, arrived = self._times.pop(number)
        return Shown(number, now, picture, arrived, self._ear.take() if self._ear else None)

    def _surface(self, frame: av.VideoFrame) -> Surface:
        if frame.format.name == "cuda":
            from caststream.media.gpu import TorchSurface

            try:
                return TorchSurface.of(frame)
            except NotImplementedError:  # full chroma, or more than ten bits
                frame = fetched(frame)
        return CpuSurface(frame, self._scalers)


def _shape(frame: av.VideoFrame) -> tuple[object, ...]:
    """What filters have to be made anew for."""
    return (
        frame.width, frame.height, way_up(frame),
        frame.format.name, frame.time_base, frame.colorspace, frame.color_range,
    )  # fmt: skip
