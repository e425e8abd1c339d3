"""Where in the stream a message stands, in words and in seconds."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from caststream.messages import (
    Frame,
    Gap,
    LabelledTracks,
    Mined,
    Saved,
    Shot,
    ShotEnd,
    StreamEnd,
    StreamStart,
    Tracks,
)


def frame_of(message: Any) -> Frame | None:
    """Return the frame that a message was made from, however deep inside; None if there is none."""
    if isinstance(message, Frame):
        return message
    if not is_dataclass(message) or isinstance(message, type):
        return None
    for field in fields(message):
        found = frame_of(getattr(message, field.name))
        if found is not None:
            return found
    return None


def place(message: Any) -> str:
    """Say where a message stands: ``frame 812 at 32.480 s``, ``end of shot 7 at 33.000 s``."""
    frame = frame_of(message)
    if frame is not None:
        return f"frame {frame.index} at {frame.time:.3f} s"
    match message:
        case StreamStart():
            return "start of the stream"
        case StreamEnd(seconds=time):
            return f"end of the stream at {time:.3f} s"
        case Gap(start=time):
            return f"gap at {time:.3f} s"
        case ShotEnd(shot=Shot(index=index, end=time)):
            return f"end of shot {index} at {time:.3f} s"
        case Saved(shot=Shot(index=index, start=time)):
            return f"shot {index} at {time:.3f} s"
        case Tracks(shot=index) | Mined(Tracks(shot=index)) | LabelledTracks(Tracks(shot=index)):
            return f"shot {index}"
    return type(message).__name__


def seconds(message: Any) -> float:
    """Presentation time of a message's frame or shot in seconds; 0 where it has neither."""
    frame = frame_of(message)
    if frame is not None:
        return frame.time
    if isinstance(message, Saved):
        return message.shot.start
    tracks = message.tracks if isinstance(message, Mined | LabelledTracks) else message
    if isinstance(tracks, Tracks) and len(tracks.rows):
        return float(tracks.rows.time[0])
    return 0.0
