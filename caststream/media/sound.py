"""The sound of a film on its way into another one: copied where the container takes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, cast

import av

log = logging.getLogger(__name__)

_DEAF = 1000
"""Packets kept before the first picture."""
_CODECS = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac"}),
    "mpegts": frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "opus"}),
}
"""What players know inside each container; Matroska takes everything. The rest becomes AAC."""


class SoundTrack:
    """How the sound of a film is coded; outlives the container that it was read from."""

    def __init__(self, stream: av.AudioStream) -> None:
        """Copy what an input stream says; ValueError for a codec that FFmpeg cannot name."""
        # A stream lives and dies with its container, so the copy gets one of its own.
        self._keeper = av.open("keeper", "w", format="null")
        self.template: av.AudioStream = self._keeper.add_stream_from_template(stream)
        self.codec = stream.codec_context.codec.canonical_name
        self.rate = stream.rate
        self.channels = stream.codec_context.layout.nb_channels

    def same(self, other: SoundTrack) -> bool:
        """Whether packets of the other can follow those of this one."""
        return (self.codec, self.rate, self.channels) == (other.codec, other.rate, other.channels)


class Sound(NamedTuple):
    """What is heard with a frame."""

    track: SoundTrack
    packets: tuple[tuple[av.Packet[av.AudioStream], float], ...]
    """Packets with their times in seconds of the stream."""


class Ear:
    """Gathers the packets of a sound while pictures are decoded, and gives them their times."""

    def __init__(self) -> None:
        self.stream: av.AudioStream | None = None
        self.offset: float | None = None
        """Seconds from a time stamp of the source to the time that it stands for here."""
        self._track: SoundTrack | None = None
        self._heard: list[av.Packet[av.AudioStream]] = []

    def turn_to(self, stream: av.AudioStream | None) -> None:
        """Listen to a stream from now on."""
        self.stream = stream
        self._heard.clear()
        self.offset = None
        try:
            self._track = None if stream is None else SoundTrack(stream)
        except (av.FFmpegError, ValueError) as error:
            log.warning("the sound is left out: %s", error)
            self.stream = self._track = None

    def hear(self, packet: av.Packet) -> None:  # type: ignore[type-arg]
        """Keep a packet, if it is one of this sound."""
        if packet.stream is self.stream and packet.pts is not None and packet.size:
            self._heard.append(packet)
            if self.offset is None and len(self._heard) > _DEAF:
                self._heard.clear()  # no picture has come so far that it could be heard with

    def take(self) -> Sound | None:
        """What was heard since this was last asked."""
        if self._track is None:
            return None
        heard: tuple[tuple[av.Packet[av.AudioStream], float], ...] = ()
        if self.offset is not None:
            heard = tuple((p, float((p.pts or 0) * p.time_base) + self.offset) for p in self._heard)
            self._heard.clear()
        return Sound(self._track, heard)


class SoundWriter:
    """One sound track of an output; ``write`` gives the packets to be muxed."""

    def __init__(self, container: av.container.OutputContainer, track: SoundTrack) -> None:
        """Add a stream to the output: a copy, or AAC where the container has no place for it."""
        self._track = track
        allowed = _CODECS.get(container.format.name)
        # AAC of MPEG-TS tells its setup in every packet, all others want it in front.
        framed = track.codec == "aac" and not track.template.codec_context.extradata
        fits = container.format.name == "mpegts" if framed else True
        self.copies = fits and (allowed is None or track.codec in allowed)
        self._last = -1
        self._decoder: av.AudioCodecContext | None = None
        if self.copies:
            self._stream: av.AudioStream = container.add_stream_from_template(track.template)
            return
        log.info("%s is written as AAC: players would not know it", track.codec)
        own = track.template.codec_context
        decoder = cast("av.AudioCodecContext", av.CodecContext.create(own.codec.name, "r"))
        decoder.extradata = own.extradata
        decoder.sample_rate = own.sample_rate
        decoder.layout = own.layout
        self._decoder = decoder
        layout = "stereo" if track.channels > 1 else "mono"
        rate = track.rate if track.rate in (32_000, 44_100, 48_000) else 48_000
        self._stream = container.add_stream("aac", rate=rate, layout=layout)
        self._resampler = av.AudioResampler("fltp", layout, rate)
        self._next: int | None = None

    def write(
        self, packet: av.Packet[av.AudioStream], time: float
    ) -> Iterator[av.Packet[av.AudioStream]]:
        """Give what is to be muxed of a packet that is heard at ``time`` seconds."""
        if time < 0:
            return  # before the first picture
        if self.copies:
            stamp = round(time / packet.time_base) if packet.time_base else 0
            if stamp > self._last:  # a clock that jumped back must not end the film
                self._last = stamp
                packet.pts = packet.dts = stamp
                packet.stream = self._stream
                yield packet
            return
        assert self._decoder is not None
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError as error:
            log.debug("sound at %.3f s: %s", time, error)
            return
        for frame in frames:
            frame.pts = None
            for part in self._resampler.resample(frame):
                yield from self._encode(part, time)

    def flush(self) -> Iterator[av.Packet[av.AudioStream]]:
        """Give what an encoder still holds."""
        if not self.copies and self._next is not None:
            yield from self._stream.encode(None)

    def _encode(self, frame: av.AudioFrame, time: float) -> Iterator[av.Packet[av.AudioStream]]:
        rate = self._stream.rate
        due = round(time * rate)
        # Times of packets are rounded: only a real hole moves what follows.
        if self._next is None or due - self._next > rate // 5:
            self._next = due
        frame.pts, frame.time_base = self._next, Fraction(1, rate)
        self._next += frame.samples
        yield from self._stream.encode(frame)
