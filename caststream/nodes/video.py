"""Writes the film again, with boxes and names on every frame."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Never

from caststream.errors import OutputError, UsageError
from caststream.graph.node import Node
from caststream.messages import (
    F4,
    U1,
    Context,
    Labelled,
    LabelledTracks,
    Marker,
    Passed,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
    character_text,
)

if TYPE_CHECKING:
    from caststream.media.encoding import VideoWriter
    from caststream.media.overlay import Tags
    from caststream.vision.ways import Ways

_log = logging.getLogger(__name__)

MOST_HELD = 256 << 20
"""Bytes of pictures that are held back at most, whatever the delay: a second of 2160p."""
_FPS = 25.0
"""Nominal rate that encoders are told where the film has none."""
_EARLY = 0.001
"""Seconds by which rounded times may differ."""


class _Who(NamedTuple):
    character: int | None
    name: str | None
    confidence: float


_NOBODY = _Who(None, None, 0.0)


class Video(Node):
    """Write every frame with boxes, names and confidence to the file that ``--video`` names.

    Frames are held back for ``delay`` seconds, or until their shot has ended: what is known by
    then is drawn, so a name stands there from a character's first frame on, although it takes
    some pictures to tell who it is. Between analysed pictures boxes move along their tracks. The
    sound is passed through. ``encoder`` is one of FFmpeg's, by default the first that works of
    this machine's; ``font`` a file for names that the fonts found here cannot write.
    """

    def __init__(self, delay: float = 1.0, encoder: str = "auto", font: str = "") -> None:
        if not delay >= 0:
            raise UsageError(f"video: delay has to be 0 s at least, not {delay}")
        self.delay = delay
        self.encoder = encoder
        self.font = font
        self._context: Context | None = None
        self._writer: VideoWriter | None = None
        self._tags: Tags | None = None
        self._fps = _FPS
        self._size = (0, 0)
        self._thick = 2
        self._held: dict[int, ShotFrame] = {}
        self._ways: Ways | None = None
        self._newest: dict[int, _Who] = {}
        """Online track of this shot -> what was last said of it."""
        self._beside: dict[int, set[int]] = {}
        """The same -> tracks that were in a picture with it, itself among them."""
        self._final: dict[int, list[tuple[float, float, _Who]]] = {}
        """The same after refinement: from, to, who."""

    def open(self, context: Context) -> None:
        """See whether the video can be written, before anything is decoded.

        Raises UsageError for a terminal, an unknown ending, encoder or font and for the film
        itself, OutputError for a folder that is not there.
        """
        if context.video is None:
            return
        from caststream.media.encoders import find_encoder
        from caststream.media.overlay import Tags

        check_video(context.video, context.uri)
        find_encoder(self.encoder)
        try:
            self._tags = Tags(12, self.font)
        except OSError:
            raise UsageError(f"video: {self.font} is no font that can be read") from None
        self._context = context
        self._forget()

    def process(self, message: Labelled | LabelledTracks) -> Iterator[Never]:
        """Take note of where everybody is and who they are; write what is old enough."""
        if self._context is None:
            return iter(())
        if isinstance(message, LabelledTracks):
            self._refine(message)
            return iter(())
        assert self._ways is not None
        tracked = message.tracked
        source = tracked.embedded.detections.source
        self._hold(source)
        time = source.frame.time
        self._ways.add(time, tracked.tracks, tracked.embedded.detections.boxes)
        tracks = tracked.tracks.tolist()
        for track in tracks:
            self._beside.setdefault(track, set()).update(tracks)
        for i, track in enumerate(tracks):
            character = message.characters[i]
            if character is None and track in self._newest:
                continue  # a doubt is passed over ...
            self._newest[track] = _Who(character, message.names[i], float(message.confidence[i]))
            for other in self._beside[track] - {track} if character is not None else ():
                # ... unless somebody else that was beside it is that character now.
                if self._newest.get(other, _NOBODY).character == character:
                    self._newest[other] = _NOBODY
        # Frames that passed came before this one, so up to here none is missing.
        self._write(source.frame.index, time - self.delay)
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Never]:
        """Hold a frame that passed; note the rate of a new source."""
        if self._context is None:
            return iter(())
        if isinstance(marker, Passed):
            self._hold(marker.source)
        elif isinstance(marker, StreamStart):
            self._fps = marker.fps or _FPS
        return iter(())

    def end_shot(self, end: ShotEnd) -> Iterator[Never]:
        """Write the rest of the shot: nothing more will be known of it soon."""
        if self._context is not None:
            self._write(end.shot.end_frame, float("inf"))
            self._forget()
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Write what is left, and the end of the file."""
        if self._context is not None and self._held:
            self._write(max(self._held) + 1, float("inf"))
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except BrokenPipeError:
                self._reader_gone()
        return iter(())

    def close(self) -> None:
        """End the file, so that what was written can be played, also after a failure."""
        writer, self._writer = self._writer, None
        self._held.clear()
        self._context = None
        if writer is not None:
            try:
                writer.close()
            except (OSError, OutputError) as error:
                _log.debug("closing the video: %s", error)

    def _forget(self) -> None:
        from caststream.vision.ways import Ways

        self._ways = Ways()
        self._newest.clear()
        self._beside.clear()
        self._final.clear()

    def _hold(self, source: ShotFrame) -> None:
        self._held[source.frame.index] = source

    def _refine(self, message: LabelledTracks) -> None:
        for i, track in enumerate(message.tracks.tracks):
            who = _Who(message.characters[i], message.names[i], float(message.confidence[i]))
            for online in track.online:
                self._final.setdefault(online, []).append((track.start, track.end, who))

    def _who(self, track: int, time: float) -> _Who:
        """Who an online track is at a time: refinement may have cut it in pieces."""
        pieces = self._final.get(track)
        if pieces:
            return min(pieces, key=lambda p: max(p[0] - time, time - p[1], 0.0))[2]
        return self._newest.get(track, _NOBODY)

    def _write(self, complete: int, until: float) -> None:
        """Write the held frames under number ``complete`` that are old enough, or too many."""
        ready = sorted(index for index in self._held if index < complete)
        for index in ready:
            frame = self._held[index].frame
            width, height = frame.picture.shown
            room = MOST_HELD // max(width * height * 3 // 2, 1)
            if frame.time > until + _EARLY and len(self._held) <= room:
                break
            self._draw(self._held.pop(index))

    def _draw(self, source: ShotFrame) -> None:
        context, ways = self._context, self._ways
        if context is None or ways is None or context.reader_gone:
            return
        frame = source.frame
        try:
            writer = self._writer or self._begin(context, source)
            picture = frame.picture.resized(*self._size)
            if not picture.flags.writeable:
                picture = picture.copy()
            tracks, boxes = ways.at(frame.time)
            boxes = frame.picture.boxes_to(boxes, *self._size)
            people = [self._who(track, frame.time) for track in tracks]
            self._paint(picture, boxes, people)
            writer.write(picture, frame.time)
            if frame.sound is not None:
                writer.hear(frame.sound)
        except BrokenPipeError:
            self._reader_gone()

    def _paint(self, picture: U1, boxes: F4, people: list[_Who]) -> None:
        from caststream.media.colors import character_color
        from caststream.media.overlay import draw_box, draw_tag

        assert self._tags is not None
        # Those that are known go on top, the largest first.
        known = sorted(
            range(len(people)),
            key=lambda i: (people[i].character is not None, -float(boxes[i, 2] - boxes[i, 0])),
        )
        for i in known:
            who = people[i]
            color = character_color(who.character)
            thick = self._thick if who.character is not None else max(1, self._thick // 2)
            draw_box(picture, boxes[i], color, thick)
        for i in known:
            who = people[i]
            if who.character is not None:
                tag = self._tags.tag(self._text(who), character_color(who.character))
                draw_tag(picture, boxes[i], tag)

    def _text(self, who: _Who) -> str:
        assert self._tags is not None
        name = who.name if who.name and self._tags.can_draw(who.name) else None
        return f"{name or character_text(who.character)} {who.confidence:.0%}"

    def _begin(self, context: Context, source: ShotFrame) -> VideoWriter:
        from caststream.media.encoding import VideoWriter
        from caststream.media.overlay import Tags

        assert context.video is not None
        picture = source.frame.picture
        sound = source.frame.sound
        self._size = picture.shown
        self._thick = max(2, self._size[1] // 240)
        self._tags = Tags(max(10, self._size[1] // 32), self.font)
        self._writer = VideoWriter(
            1 if context.video == "-" else context.video,
            *self._size,
            self._fps,
            encoder=self.encoder,
            aspect=picture.aspect,
            sound=sound.track if sound is not None else None,
            stopping=context.stopping,
        )
        return self._writer

    def _reader_gone(self) -> None:
        context = self._context
        if context is not None:
            context.reader_gone = True
            context.stop()


def check_video(target: str, uri: str) -> None:
    """Say at once what could only fail later: ``open`` of the node tells what is raised."""
    from caststream.media.encoding import check_target
    from caststream.media.sources import is_film_itself

    if target == "-":
        if sys.stdout is None or sys.stdout.isatty():
            raise UsageError("--video - writes a film: pipe it into a player, or give a file")
        return
    check_target(target)
    path = Path(target)
    if path.is_dir():
        raise OutputError(f"the video cannot be written to {path}: it is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"the video cannot be written to {path}: {path.parent} is not there")
    if path.exists() and stat.S_ISREG(path.stat().st_mode) and not os.access(path, os.W_OK):
        raise OutputError(f"the video cannot be written to {path}: it is read-only")
    if is_film_itself(target, uri):
        raise UsageError(f"{path} is the film itself: give the video another name")
