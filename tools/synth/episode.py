"""Episodes as mp4 files with a truth file beside them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from .film import FrameInfo, frames
from .script import Script, make_script


def make_episode(
    path: str | Path,
    *,
    show_seed: int,
    episode_seed: int,
    seconds: float = 60.0,
    width: int = 640,
    height: int = 360,
    fps: float = 24.0,
    style: str | None = None,
    cameras: tuple[str, ...] = (),
    crf: int = 20,
) -> Path:
    """Draw one episode into an mp4 file (H.264) and its truth into ``NAME.truth.json``.

    Width and height must be even. Returns the path of the truth file. Episodes with the same
    ``show_seed`` (and style) share cast, places and look.
    """
    path = Path(path)
    script = make_script(
        show_seed=show_seed,
        episode_seed=episode_seed,
        seconds=seconds,
        width=width,
        height=height,
        fps=fps,
        style=style,
        cameras=cameras,
    )
    truth = Truth(script)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": str(crf)}
        stream.codec_context.thread_count = 1
        for picture, info in frames(script):
            truth.add(info)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    out = path.with_suffix(".truth.json")
    out.write_text(json.dumps(truth.as_dict(path.name)))
    return out


class Truth:
    """Collects what a truth file says while an episode is drawn."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._frames: list[dict[str, Any]] = []
        self._tracks: dict[tuple[int, int], tuple[int, int]] = {}
        self._count = 0

    def add(self, info: FrameInfo) -> None:
        """Take one frame's boxes; a gap of over half a second starts a new track."""
        boxes = []
        for seen in info.seen:
            key = (seen.shot, seen.actor)
            track, last = self._tracks.get(key, (-1, -(1 << 30)))
            if info.frame - last > self.script.fps * 0.5:
                track = self._count
                self._count += 1
            self._tracks[key] = (track, info.frame)
            left, top, right, bottom = seen.box
            box: dict[str, Any] = {
                "character": seen.name,
                "box": [left, top, right - left, bottom - top],
                "track": track,
                "visible": seen.visible,
            }
            for flag in ("occluded", "truncated", "ignore"):
                if getattr(seen, flag):
                    box[flag] = True
            boxes.append(box)
        self._frames.append({"frame": info.frame, "boxes": boxes})

    def as_dict(self, clip: str) -> dict[str, Any]:
        """The truth as the contract of truth files says."""
        script = self.script
        return {
            "clip": clip,
            "width": script.width,
            "height": script.height,
            "fps": script.fps,
            "frame_count": script.frame_count,
            "complete": True,
            "boundaries": boundaries(script),
            "ambiguous": ambiguous(script),
            "characters": {name: describe(who) for name, who in script.cast},
            "frames": self._frames,
        }


def boundaries(script: Script) -> list[dict[str, Any]]:
    """All shot boundaries of a script, in order, as a truth file lists them."""
    return [
        {"frame": t.start, "type": "cut"}
        if t.kind == "cut"
        else {"start": t.start, "end": t.end, "type": t.kind}
        for t in script.transitions
    ]


def ambiguous(script: Script) -> list[dict[str, Any]]:
    """Fades at the film's two ends, which count neither for nor against."""
    spans = []
    if script.fade_in:
        spans.append({"start": 0, "end": script.fade_in - 1, "why": "fade in at the very start"})
    if script.fade_out:
        spans.append(
            {
                "start": script.frame_count - script.fade_out,
                "end": script.frame_count - 1,
                "why": "fade out at the very end",
            }
        )
    return spans


def describe(who: Any) -> str:
    """A character in words."""
    words = [who.plan]
    if who.hair_kind not in ("none", "bald"):
        words.append(f"{who.hair_kind} hair")
    for name in (who.hat, who.glasses, who.beard):
        if name != "none":
            words.append(str(name))
    if who.top_kind != "none":
        words.append(str(who.top_kind))
    return ", ".join(words)


__all__ = ["Truth", "ambiguous", "boundaries", "describe", "frames", "make_episode", "make_script"]
