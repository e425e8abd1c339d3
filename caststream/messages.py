"""The nouns that travel through the graph.

Boxes are half-open ``xyxy`` in pixels of the source's own picture (float32); times are seconds of
presentation time from the source's first frame; frame numbers count decoded frames from 0.
Each message holds the one that it was made from, so nothing has to be joined again later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from caststream.pool import Pool
from caststream.vitals import SourceVitals, Vitals

if TYPE_CHECKING:
    from caststream.media.picture import Picture
    from caststream.media.sound import Sound

Transition = Literal["start", "cut", "dissolve", "fade", "wipe"]
GapReason = Literal["reconnect", "corrupt", "discontinuity", "dropped", "resized"]
EndReason = Literal["eof", "interrupted"]

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
F2 = NDArray[np.float16]
I8 = NDArray[np.int64]
U1 = NDArray[np.uint8]


# --- markers: travel in band to every node, are never dropped ---------------------------------


class Marker:
    """What the runner hands to every node of the tree, in order, and never drops."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StreamStart(Marker):
    """The first thing that a source says."""

    uri: str
    """What was opened, as the user gave it ("-" for standard input), as far as that is text."""
    width: int
    height: int
    """Size of the source's own picture in pixels, as it is displayed."""
    fps: float | None
    """Nominal frames a second, None where variable or unknown."""
    seconds: float | None
    """Length where the source knows it, None for pipes and live sources."""
    fingerprint: str
    """Hex digest of the content's beginning, end and size; of the address for live sources."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot. For a dissolve, fade or wipe it begins at the middle of the transition."""

    index: int
    """From 0, without holes."""
    start_frame: int
    end_frame: int
    """Exclusive."""
    start: float
    end: float
    """Seconds; ``end`` is the time at which the first frame after the shot is shown."""
    transition: Transition
    """How this shot began."""
    score: float
    """How sure the detector of boundaries was of that beginning, 0..1."""


@dataclass(frozen=True, slots=True)
class ShotEnd(Marker):
    """The shot is over: whatever a node holds back of it has to go out now."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class Gap(Marker):
    """The input broke off, jumped, or frames were dropped between two times (seconds)."""

    reason: GapReason
    start: float
    end: float
    frames: int
    """How many frames are missing, 0 where that cannot be known."""


@dataclass(frozen=True, slots=True)
class StreamEnd(Marker):
    """The last thing that a source says, also after Ctrl-C."""

    frames: int
    seconds: float
    reason: EndReason


# --- messages, in the order in which they are made ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame."""

    index: int
    time: float
    picture: Picture
    arrived: float = 0.0
    """When its packet came, on the monotonic clock."""
    sound: Sound | None = None
    """What came with it, where somebody listens: the times may be a little before or after."""


@dataclass(frozen=True, slots=True)
class ShotFrame:
    """A frame that is known to belong to a shot."""

    frame: Frame
    shot: int
    small: U1
    """(27, 48, 3) RGB: the picture that the boundary detector looked at."""
    blend: bool
    """True inside a dissolve, fade or wipe, where two pictures are mixed."""
    known: float = 0.0
    """When its shot was certain, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Passed(Marker):
    """A frame that nobody analyses, for a node that shows every frame; only made for one."""

    source: ShotFrame


@dataclass(frozen=True, slots=True)
class Detections:
    """Characters found in one analysed frame."""

    source: ShotFrame
    boxes: F4
    """(N, 4)"""
    scores: F4
    """(N,) in 0..1"""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Detections with what they look like."""

    detections: Detections
    vectors: F4
    """(N, 256) unit vectors of the model ``model``; zero rows where nothing could be cut out."""
    features: F2
    """(N, F) features of the trunk, from which a tuned head makes new vectors later."""
    crops: U1
    """(N, S, S, 3) RGB as the embedder saw them, blurred outside of the boxes."""
    model: int
    """Number of the published model that made the vectors (0: as shipped)."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One analysed frame with the track of each box, at once."""

    embedded: Embedded
    tracks: I8
    """(N,) online track ids, unique in the source; -1 for a box that is not (yet) tracked."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Boxes as columns, one row a box, ordered by frame."""

    frame: I8
    time: F8
    box: F4
    score: F4
    track: I8
    """Refined track id of each row, unique in the source; never -1."""
    vector: F4
    features: F2
    crop: tuple[bytes, ...]
    """JPEG of each row's crop; empty bytes where none is kept."""
    blend: NDArray[np.bool_]
    """True where the frame lies inside a transition."""

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class Track:
    """One appearance of one character in one shot, after refinement."""

    id: int
    """Unique in the source; the id of its oldest online track wherever that is free."""
    shot: int
    start_frame: int
    end_frame: int
    """Exclusive: last frame with a box, plus one."""
    start: float
    end: float
    boxes: int
    score: float
    """Mean score of its boxes, without doubtful ones that only lead up to it."""
    exemplar: int
    """Frame number of its most typical box."""
    online: tuple[int, ...]
    """The online tracks that it was made of."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Finished tracks with all their rows: all of a shot, or one window of a very long one."""

    shot: int
    model: int
    rows: Rows
    tracks: tuple[Track, ...]
    frames: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(F,) every analysed frame of the shot or window, also those without a box."""
    times: F8 = field(default_factory=lambda: np.zeros(0, np.float64))
    """(F,) their times."""
    still: F4 | None = None
    """(N, 4) the rows' boxes where they would be had the camera stood still, counted from the
    picture's middle; None where nobody knows about the camera."""
    shared: F4 | None = None
    """(N,) greatest share of the smaller one that a row's box has in common with any other box
    found in its frame, followed or not; None where only the rows are known."""


@dataclass(frozen=True, slots=True)
class Mined:
    """Tracks with the triplets that they teach."""

    tracks: Tracks
    triplets: I8
    """(M, 3) anchor, positive, negative as indices into ``tracks.rows``."""
    apart: I8
    """(P, 2) pairs of track ids that were seen side by side and are taken as different."""
    evidence: F4 = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(M, 4) what each triplet rests on: seconds from anchor to positive, their cosine, cosine of
    anchor and negative, and in how many frames the two tracks stood side by side."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A commit of the store."""

    source: int
    commit: int
    shot: Shot
    tracks: int
    """How many tracks the commit holds."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One analysed frame with the best knowledge of that moment."""

    tracked: Tracked
    characters: tuple[int | None, ...]
    """Number of each box's character, None while unknown."""
    names: tuple[str | None, ...]
    confidence: F4


@dataclass(frozen=True, slots=True)
class LabelledTracks:
    """Finished tracks with their characters."""

    tracks: Tracks
    characters: tuple[int | None, ...]
    names: tuple[str | None, ...]
    confidence: F4


@dataclass(frozen=True, slots=True)
class CharacterSummary:
    """One line of the dictionary."""

    id: int
    name: str | None
    tracks: int
    seconds: float
    first_time: float


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The dictionary after a reclustering, and what it changed in this source."""

    revision: int
    characters: tuple[CharacterSummary, ...]
    relabelled: tuple[tuple[int, int | None, int | None], ...]
    """(track, from, to) for tracks of this source."""
    merged: tuple[tuple[int, int], ...]
    """(from, to): two ids that turned out to be one character; the older stays."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A fine-tuned model went live."""

    model: int
    triplets: int
    loss: float
    margin_before: float
    margin_after: float
    """Share of held-back triplets that keep the margin."""


Message = (
    Frame
    | ShotFrame
    | Detections
    | Embedded
    | Tracked
    | Tracks
    | Mined
    | Saved
    | Labelled
    | LabelledTracks
    | Dictionary
    | Tuned
    | Marker
)


def uri_text(uri: str) -> str:
    """An address as text: bytes of a file's name that are no UTF-8 become U+FFFD."""
    return uri.encode(errors="surrogateescape").decode(errors="replace")


def character_text(character: int | None) -> str | None:
    """``7`` -> ``"c7"``: the form that the label stream uses."""
    return None if character is None else f"c{character}"


def _no_run() -> None:
    """Stand in for ``Context.stop`` before there is a run; unlike a lambda it can be pickled."""


@dataclass(slots=True)
class Context:
    """What one run knows and every node may read when it opens."""

    uri: str = "-"
    """The source, as the user gave it."""
    store: str | None = None
    """Path of the store, None where the graph keeps none."""
    labels: str | None = None
    """File for the label stream, None for standard output."""
    video: str | None = None
    """File for the annotated video, "-" for standard output, None where none is written."""
    graph: str = "archive"
    """Name of the graph."""
    again: bool = False
    """Label a source anew that the store already holds."""
    device: str = "auto"
    quiet: bool = False
    models: dict[str, str] = field(default_factory=dict)
    """Name -> digest of the models in use; nodes add to it when they open."""
    source: int = 0
    """Number of the source in the store; ``save`` puts it here when the stream starts."""
    vitals: SourceVitals = field(default_factory=SourceVitals)
    """Running statistics of this source, for whoever watches."""
    process: Vitals = field(default_factory=Vitals)
    """Those of all sources of the process."""
    pool: Pool = field(default_factory=Pool)
    """What the sources of a process share."""
    stop: Callable[[], None] = _no_run
    """Ends the stream normally, as Ctrl-C does; whoever runs the graph puts it here."""
    patient: bool = False
    """Whether a full disk is waited for, rather than being an error."""
    stopping: Event = field(default_factory=Event)
    """Set once the stream is asked to end: whoever waits for something else gives up."""
    answer: Callable[[dict[str, Any]], Any] | None = None
    """Answers what other processes ask through the store's socket."""
    reader_gone: bool = False
    """True once whoever read the label stream closed it."""
