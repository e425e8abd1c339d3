"""Chains of libavfilter before the pictures, and where their pixels come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from caststream.errors import InputError, UsageError
from caststream.media.geometry import Geometry

_HOLD = 5
"""Times that each probe picture is shown to the chain, so that filters over time settle."""
_PATIENCE = 500
"""Frames that a chain may hold back."""


def parse_chain(text: str) -> list[tuple[str, str | None]]:
    """Split ``bwdif,crop=100:100`` into names and arguments, quoted as FFmpeg's chains are.

    Raises ``UsageError`` for branches, empty links and filters that do not exist.
    """
    links: list[str] = [""]
    quoted = False
    characters = iter(text)
    for character in characters:
        if character == "\\" and not quoted:
            links[-1] += next(characters, "")
        elif character == "'":
            quoted = not quoted
        elif character == "," and not quoted:
            links.append("")
        elif character in "[];" and not quoted:
            raise UsageError(
                f"The filter {text!r} has branches; only a plain chain a,b,c is taken."
            )
        else:
            links[-1] += character
    chain = []
    for link in links:
        name, equals, arguments = link.strip().partition("=")
        if name not in av.filter.filters_available:
            raise UsageError(
                f"The filter {text!r} names {name!r}, which this FFmpeg does not have."
            )
        chain.append((name, arguments if equals else None))
    return chain


class FilterChain:
    """A chain set up for one size, pixel format and time base of frames."""

    def __init__(self, text: str, like: av.VideoFrame, turn: str = "") -> None:
        """Set up the chain for frames as ``like``; measure where its pixels come from.

        ``turn`` is a chain that goes before, and that counts as part of the source: it stands the
        pictures of a phone upright. Raises ``UsageError`` where the chain refuses its arguments or
        such frames, or does more to a picture's geometry than to crop, scale, pad or mirror it.
        """
        self._text = text
        self._links = parse_chain(text) if text else []
        self._pending: deque[tuple[int, float]] = deque()
        self._latest: av.VideoFrame | None = None
        self._time_base = like.time_base or Fraction(1, 90000)
        self._format = like.format.name
        self._colors = int(like.colorspace), int(like.color_range)
        self.width, self.height = like.width, like.height
        self._turn: list[tuple[str, str | None]] = []
        if turn:
            self._turn = parse_chain(turn)
            if "transpose" in turn:
                self.width, self.height = like.height, like.width
        self.geometry, self._in_step = self._measure() if text else (Geometry(), True)
        self._graph = self._start()

    def push(self, frame: av.VideoFrame, number: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Hand in a decoded frame; get those that are ready, as number and picture.

        Each number comes out once and in order, whatever the chain does to the rate: of doubled
        pictures the first is taken, and for a dropped one the picture before it is shown again.
        """
        if frame.pts is None:
            frame.pts = number
        self._pending.append((number, float(frame.pts * self._time_base)))
        frame.time_base = self._time_base
        yield from self._run(self._graph, frame)
        if len(self._pending) > _PATIENCE:
            raise UsageError(f"The filter {self._text!r} gives no picture for {_PATIENCE} frames.")

    def flush(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """The frames that the chain still holds; it begins afresh afterwards."""
        yield from self._run(self._graph, None)
        while self._pending and self._latest is not None:
            yield self._pending.popleft()[0], self._latest
        self._pending.clear()
        self._latest = None
        self._graph = self._start()

    def _run(
        self, graph: Graph, frame: av.VideoFrame | None
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        for picture in _pump(graph, frame):
            if self._in_step:
                if self._pending:
                    yield self._pending.popleft()[0], picture
                continue
            time = picture.time
            time = self._pending[0][1] if time is None and self._pending else time
            # Everything before this picture got none of its own: it shows the one before.
            while self._pending and time is not None and self._pending[0][1] < time - 1e-4:
                yield self._pending.popleft()[0], self._latest or picture
            self._latest = picture
            if self._pending and time is not None and self._pending[0][1] <= time + 1e-4:
                yield self._pending.popleft()[0], picture

    def _start(self) -> Graph:
        """The graph for decoded frames, which are not upright yet."""
        if "transpose" in dict(self._turn):
            return self._build(self._turn, self.height, self.width)
        return self._build(self._turn, self.width, self.height)

    def _build(self, before: list[tuple[str, str | None]], width: int, height: int) -> Graph:
        graph = Graph()
        graph.threads = 1
        try:
            nodes = [
                graph.add(
                    "buffer",
                    video_size=f"{width}x{height}",
                    pix_fmt=self._format,
                    time_base=str(self._time_base),
                    pixel_aspect="1/1",
                    colorspace=str(self._colors[0]),
                    range=str(self._colors[1]),
                )
            ]
            nodes += [graph.add(name, arguments) for name, arguments in before + self._links]
            nodes.append(graph.add("buffersink"))
            graph.link_nodes(*nodes)
            graph.configure()
        except (av.FFmpegError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"The filter {self._text!r} cannot take pictures of {width}x{height} pixels "
                f"({self._format}): {_reason(error)}"
            ) from None
        return graph

    def _measure(self) -> tuple[Geometry, bool]:
        """Find the map back to the source by showing the chain coded pictures.

        Structured light: white, black, then the bits of the column's (row's) number in Gray code,
        so that neighbours differ in one picture. Where an edge between two strips falls in the
        output says where that place of the source went; a line through all edges is the map.
        Brightness, blur, borders and drawn-over logos do not matter.
        """
        white, counts = self._probe(np.full((self.height, self.width), 235, np.uint8))
        black, _ = self._probe(np.full((self.height, self.width), 16, np.uint8))
        swing = white - black
        visible = np.abs(swing) > 0.25 * np.abs(swing).max(initial=0.0)
        if np.abs(swing).max(initial=0.0) < 16.0:
            raise UsageError(f"The filter {self._text!r} leaves nothing of the picture.")
        axes = []
        for axis, length in ((1, self.width), (0, self.height)):
            lines = self._edges(axis, length, black, swing, visible)
            axes.append(self._fit(lines, length))
        (scale_x, offset_x), (scale_y, offset_y) = axes
        return Geometry(scale_x, offset_x, scale_y, offset_y), counts

    def _edges(
        self,
        axis: int,
        length: int,
        black: NDArray[np.float32],
        swing: NDArray[np.float32],
        visible: NDArray[np.bool_],
    ) -> list[tuple[float, float]]:
        """Pairs (place in the output, place in the source) of strip edges along one axis."""
        weight = visible.sum(axis=1 - axis)
        seen = weight > 0.2 * weight.max()
        edges: list[tuple[float, float]] = []
        for bits in (6, 9):
            strips = min(1 << bits, length // 2)
            number = np.arange(length) * strips // length
            starts = -(-np.arange(strips) * length // strips)  # first sample of each strip
            gray = number ^ (number >> 1)
            profiles = []
            for bit in range(max(1, int(strips - 1).bit_length())):
                line = np.where((gray >> bit) & 1, 235, 16).astype(np.uint8)
                shape = (1, -1) if axis == 1 else (-1, 1)
                code = np.broadcast_to(line.reshape(shape), (self.height, self.width))
                shown, _ = self._probe(code)
                share = np.where(visible, (shown - black) / np.where(visible, swing, 1.0), 0.0)
                profile = share.sum(axis=1 - axis) / np.maximum(weight, 1)
                spread = np.where(visible, np.abs(share - np.expand_dims(profile, 1 - axis)), 0.0)
                if bit >= 3 and spread.sum() > 0.1 * visible.sum():
                    raise UsageError(
                        f"The filter {self._text!r} turns or warps the picture; boxes can be "
                        "followed only through cropping, scaling, padding and mirroring."
                    )
                profiles.append(profile)
            edges = _strip_edges(np.array(profiles), seen, starts)
            if len(edges) >= 4:
                break
        return edges

    def _fit(self, edges: list[tuple[float, float]], length: int) -> tuple[float, float]:
        if len(edges) < 2:
            raise UsageError(f"The filter {self._text!r} leaves too little of the picture.")
        place, source = np.array(edges).T
        scale, offset = np.polyfit(place, source, 1)
        worst = np.abs(scale * place + offset - source).max()
        if worst > max(1.5, 0.01 * length):
            raise UsageError(
                f"The filter {self._text!r} warps the picture by {worst:.0f} pixels; boxes can be "
                "followed only through cropping, scaling, padding and mirroring."
            )
        return float(scale), float(offset)

    def _probe(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.float32], bool]:
        """The chain's brightness for a held picture, and whether it keeps one for one."""
        gray = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), "gray")
        graph = self._build([], self.width, self.height)
        pictures: list[av.VideoFrame] = []
        step = max(1, round(1 / (25 * self._time_base)))
        for count in range(_HOLD):
            frame = gray.reformat(format=self._format, dst_color_range=self._colors[1])
            frame.colorspace, frame.color_range = self._colors
            frame.pts, frame.time_base = count * step, self._time_base
            pictures += _pump(graph, frame)
        pictures += _pump(graph, None)
        if not pictures:
            raise UsageError(f"The filter {self._text!r} gives no pictures.")
        in_time = [count * step * float(self._time_base) for count in range(_HOLD)]
        kept = {round(float(p.time), 4) for p in pictures if p.time is not None}
        if len(pictures) != _HOLD and not kept & {round(time, 4) for time in in_time}:
            raise UsageError(
                f"The filter {self._text!r} changes both the number of pictures and their times."
            )
        shown = pictures[len(pictures) // 2].reformat(format="gray").to_ndarray()
        return np.asarray(shown, np.float32), len(pictures) == _HOLD


def _strip_edges(
    profiles: NDArray[np.float64], seen: NDArray[np.bool_], starts: NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Find where neighbouring samples belong to neighbouring strips, to a part of a sample."""
    code = (profiles > 0.5).astype(np.int64)
    gray = (code << np.arange(len(profiles))[:, None]).sum(axis=0)
    number = gray.copy()
    shift = 1
    while shift < len(profiles):
        number ^= number >> shift
        shift *= 2
    edges = []
    for left in np.flatnonzero(seen[:-1] & seen[1:]):
        a, b = int(number[left]), int(number[left + 1])
        if abs(a - b) != 1 or max(a, b) >= len(starts):
            continue
        profile = profiles[int(gray[left] ^ gray[left + 1]).bit_length() - 1]
        part = (profile[left] - 0.5) / (profile[left] - profile[left + 1])
        edges.append((float(left + 0.5 + part), float(starts[max(a, b)])))
    return edges


def _pump(graph: Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    try:
        graph.vpush(frame)
        while True:
            yield graph.vpull()
    except (av.BlockingIOError, av.EOFError):
        return
    except av.FFmpegError as error:
        raise InputError(f"A filter failed: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
