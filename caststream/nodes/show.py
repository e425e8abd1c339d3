"""Tells the person at the terminal how it goes, on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Never

from caststream.graph.node import Node
from caststream.messages import (
    CharacterSummary,
    Context,
    Dictionary,
    Labelled,
    LabelledTracks,
    Marker,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
    Tuned,
    character_text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live


class Show(Node):
    """Show speed, shots, tracks, characters and queues; plain lines where no terminal is.

    ``every`` is the time between two plain lines in seconds.
    """

    def __init__(self, every: float = 10.0) -> None:
        self.every = every
        self._context: Context | None = None
        self._live: Live | None = None
        self._start = StreamStart("", 0, 0, None, None, "")
        self._began = self._said = time.monotonic()
        self._at = 0.0
        self._shots = self._tracks = 0
        self._model = 0
        self._characters: tuple[CharacterSummary, ...] = ()

    def open(self, context: Context) -> None:
        """Start the display, unless it is to be quiet."""
        self._context = context
        self._began = self._said = time.monotonic()
        if context.quiet or context.process.many or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._picture,
            console=Console(stderr=True),
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self._live.start()

    def process(
        self, message: ShotFrame | Labelled | LabelledTracks | Dictionary | Tuned
    ) -> Iterator[Never]:
        """Count what comes by."""
        match message:
            case ShotFrame():
                self._at = message.frame.time
            case Labelled():
                self._at = message.tracked.embedded.detections.source.frame.time
            case LabelledTracks():
                self._tracks += len(message.tracks.tracks)
            case Dictionary():
                self._characters = message.characters
            case Tuned():
                self._model = message.model
        self._tell()
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Never]:
        """Note what is known of the source."""
        if isinstance(marker, StreamStart):
            self._start = marker
        return iter(())

    def end_shot(self, end: ShotEnd) -> Iterator[Never]:
        """Count shots."""
        self._shots += 1
        self._at = max(self._at, end.shot.end)
        self._tell()
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Take the display away and leave one line of summary."""
        self._at = end.seconds
        self._stop()
        if self._context is not None and not self._context.quiet:
            self._say(f"{end.reason}: {self._line()}")
        return iter(())

    def close(self) -> None:
        """Give the terminal back."""
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.stop()
            self._live = None

    def _tell(self) -> None:
        now = time.monotonic()
        quiet = self._context is None or self._context.quiet
        if quiet or self._live is not None or now - self._said < self.every:
            return
        self._said = now
        self._say(self._line())

    def _say(self, text: str) -> None:
        # A terminal that was closed, a pipe whose reader died: that nobody looks on ends no stream.
        with contextlib.suppress(OSError):
            print(f"caststream: {text}", file=sys.stderr, flush=True)

    @property
    def _speed(self) -> float:
        return self._at / max(time.monotonic() - self._began, 1e-6)

    def _line(self) -> str:
        of = f" of {_clock(self._start.seconds)}" if self._start.seconds else ""
        left = ""
        if self._start.seconds and self._speed > 0:
            left = f", {_clock(max(self._start.seconds - self._at, 0) / self._speed)} left"
        fills = self._context.vitals.queues.copy() if self._context else {}
        queues = "".join(f", {n} {fill}/{size}" for n, (fill, size) in fills.items())
        named = sum(1 for c in self._characters if c.name)
        which = f"{self._start.uri}: " if self._context and self._context.process.many else ""
        return (
            f"{which}{_clock(self._at)}{of}, {self._speed:.1f}x{left}, {self._shots} shots,"
            f" {self._tracks} tracks, {len(self._characters)} characters ({named} named){queues}"
        )

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        parts: list[RenderableType] = [Text(self._line(), style="bold")]
        if self._start.seconds:
            parts.append(ProgressBar(self._start.seconds, min(self._at, self._start.seconds)))
        table = Table.grid(padding=(0, 2))
        for line in sorted(self._characters, key=lambda c: -c.seconds)[:12]:
            name = line.name or character_text(line.id) or ""
            table.add_row(
                Text(name, style="green" if line.name else ""),
                Text(f"{line.tracks} tracks", style="dim"),
                Text(_clock(line.seconds), style="dim"),
            )
        parts.append(table)
        if self._model:
            parts.append(Text(f"model {self._model}", style="dim"))
        return Group(*parts)


def _clock(seconds: float) -> str:
    """``3725`` -> ``1:02:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
