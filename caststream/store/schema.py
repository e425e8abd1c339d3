"""What a store holds, and how it lies on disk.

    STORE/
      zarr.json            root group; its attribute "caststream" names the sealed segments and the
                           sources and is replaced last: what it does not name does not exist;
                           a segment may lie in another store (references.py)
      segments/000001/     immutable zarr group: the arrays below for a run of commits
      log/000000000042.log commits that are not sealed yet, first number in the name
      models/              published models (published.py)
      acts.ndjson          what people did (acts.py)
      LOCK                 held by the one process that writes (lock.py)

Every array is a table with one line a row, box, track ...; ``COLUMNS`` names the columns. Rows
are numbered store-wide from 0 in the order of their commits, and grouped by track inside a commit,
so that a track's rows are one slice. A track is known store-wide by its *uid*.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import StoreError, StoreVersionError
from caststream.messages import I8, Gap, GapReason, Mined, Shot, StreamEnd, StreamStart, Transition
from caststream.store.files import replace, told

SCHEMA = 2

TRANSITIONS: tuple[Transition, ...] = ("start", "cut", "dissolve", "fade", "wipe")
REASONS: tuple[GapReason, ...] = ("reconnect", "corrupt", "discontinuity", "dropped", "resized")

COLUMNS: dict[str, tuple[str, ...]] = {
    "commits": (
        *("number", "source", "shots", "gaps", "frames", "tracks", "rows"),
        *("online", "apart", "triplets", "crops"),
    ),
    # shots, gaps and frames mix counts with seconds; float64 holds frame numbers exactly
    "shots": ("shot", "start_frame", "end_frame", "start", "end", "transition", "score"),
    "gaps": ("reason", "start", "end", "frames"),
    "frames": ("frame", "time"),
    "tracks": (
        *("uid", "shot", "start_frame", "end_frame", "boxes", "exemplar", "first_row"),
        *("online", "model"),
    ),
    "spans": ("start", "end", "score"),
    "online": (),
    "apart": ("uid", "uid"),
    "triplets": ("anchor", "positive", "negative"),
    # One line a triplet: seconds and cosine to the positive, cosine to the negative, and frames
    # in which the two tracks stood side by side.
    "evidence": ("seconds", "same", "other", "together"),
    "rows": ("frame", "uid", "crop_bytes", "blend"),
    "times": (),
    "boxes": ("x0", "y0", "x1", "y1", "score"),
    "vectors": (),
    "features": (),
    "crops": (),
}
"""Array -> its columns; no names where it has one column or very many."""

DTYPES: dict[str, str] = {
    **dict.fromkeys(("commits", "tracks", "online", "apart", "triplets", "rows"), "<i8"),
    **dict.fromkeys(("shots", "gaps", "frames", "spans", "times"), "<f8"),
    **dict.fromkeys(("boxes", "evidence"), "<f4"),
    **dict.fromkeys(("vectors", "features"), "<f2"),
    "crops": "|u1",
}

LINES = {"spans": "tracks", "evidence": "triplets"}
LINES |= dict.fromkeys(("times", "boxes", "vectors", "features"), "rows")
"""Arrays that have as many lines as another one, and no count of their own in ``commits``."""

ROW_ARRAYS = ("rows", "times", "boxes", "vectors", "features")
"""The arrays with one line a row."""


def make_uid(source: int, track: int) -> int:
    """The store-wide name of a track: ``(source << 32) | track``."""
    return (source << 32) | track


def split_uid(uid: int) -> tuple[int, int]:
    """``(source, track)`` of a uid."""
    return uid >> 32, uid & 0xFFFFFFFF


def make_uids(source: int, tracks: NDArray[Any] | Sequence[int]) -> I8:
    """uids (N,) of many tracks of one source."""
    return np.asarray(tracks, np.int64) | np.int64(source << 32)


def split_uids(uids: I8) -> tuple[I8, I8]:
    """Sources (N,) and track ids (N,) of many uids."""
    return uids >> 32, uids & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source of a store; a source that is labelled again gets a new one."""

    id: int
    start: StreamStart
    started: str
    """UTC, ISO 8601."""
    graph: str
    models: dict[str, str]
    end: StreamEnd | None = None
    """None while it runs, or where its run broke off."""
    elapsed: float | None = None
    """Wall-clock seconds from start to end."""
    superseded_by: int | None = None
    """The source that holds the same content, labelled anew."""

    @property
    def live(self) -> bool:
        """Whether its fingerprint names an address rather than a content."""
        return is_live(self.start)

    @property
    def complete(self) -> bool:
        """Whether it was labelled to its end."""
        return self.end is not None and self.end.reason == "eof"


def is_live(start: StreamStart) -> bool:
    """A network address of unknown length: the same address gives other pictures tomorrow."""
    return start.seconds is None and "://" in start.uri and not start.uri.startswith("file:")


@dataclass(frozen=True, slots=True)
class Reference:
    """Commits that lie in another store, and what is added to the numbers that they have there.

    The other store is sealed and never changes; it holds one source.
    """

    group: str
    """Path or address of the segment there."""
    commits: tuple[int, int]
    """Which lines of its commits, first and last (exclusive)."""
    row: int
    """Store-wide number, there, of the first row of these commits."""
    source: int
    """Id of their source here."""
    track: int = 0
    shot: int = 0
    frame: int = 0
    time: float = 0.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed segment and where its rows lie among all."""

    name: str
    first: int
    """Number of its first commit."""
    last: int
    first_row: int
    rows: int
    sources: tuple[int, int]
    """Smallest and largest source id in it."""
    reference: Reference | None = None
    """Where its arrays lie, if not under its name in this store."""
    written: float = 0.0
    """When its newest row was sealed, seconds since 1970: all of it is older than that."""
    thinned: bool = False
    """Whether crops were taken out because of their age."""


@dataclass(slots=True)
class Root:
    """The root attribute: everything that is sealed."""

    sealed: int = 0
    """Number of the last commit inside a segment; 0 for none."""
    rows: int = 0
    segments: list[Segment] = field(default_factory=list)
    sources: dict[int, SourceInfo] = field(default_factory=dict)
    retired: list[tuple[str, float]] = field(default_factory=list)
    """Names of segments that others stand for now, and since when (seconds since 1970); readers
    that opened the store before may still be reading them."""

    @property
    def next_name(self) -> str:
        """A name that no segment has had."""
        names = [*(segment.name for segment in self.segments), *(name for name, _ in self.retired)]
        return f"{max([0, *(int(name) for name in names if name)]) + 1:06d}"

    def apply(self, event: dict[str, Any]) -> None:
        """Take in a source's beginning or end, as the log tells it."""
        if "begin" in event:
            source = source_from(event["begin"])
            self.sources[source.id] = source
            for old in event.get("supersedes", ()):
                self.sources[old] = dataclasses.replace(self.sources[old], superseded_by=source.id)
        if "end" in event:
            end = StreamEnd(**event["end"])
            old = self.sources[event["source"]]
            self.sources[old.id] = dataclasses.replace(old, end=end, elapsed=event["elapsed"])


def source_from(values: dict[str, Any]) -> SourceInfo:
    """A SourceInfo from what ``asdict`` made of it."""
    end = values.get("end")
    return SourceInfo(
        **{
            **values,
            "start": StreamStart(**values["start"]),
            "end": None if end is None else StreamEnd(**end),
        }
    )


def segment_from(values: dict[str, Any]) -> Segment:
    """A Segment from what ``asdict`` made of it."""
    refer = values.get("reference")
    return Segment(
        **{
            **values,
            "sources": tuple(values["sources"]),
            "reference": refer and Reference(**{**refer, "commits": tuple(refer["commits"])}),
        }
    )


def read_root(path: Path) -> Root:
    """The root of the store at ``path``.

    Raises StoreError where there is none or it is another program's, StoreVersionError where
    another version wrote it.
    """
    try:
        text = (path / "zarr.json").read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        what = "is not a folder" if path.is_file() else "does not exist"
        if path.is_dir():
            what = "is a folder without a store in it"
        raise StoreError(f"{path} {what}: give the path of a caststream store") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    try:
        attributes = json.loads(text)["attributes"]
        values = attributes.get("caststream")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{path / 'zarr.json'} is damaged: restore it from a copy") from None
    if values is None:
        raise StoreError(f"{path} is a zarr group of another program: give another --store")
    if values.get("schema") != SCHEMA:
        raise StoreVersionError(
            f"the store {path} has schema {values.get('schema')!r}, this caststream reads "
            f"{SCHEMA}: open it with the caststream that wrote it, or give another --store"
        )
    segments = [segment_from(s) for s in values["segments"]]
    sources = {s["id"]: source_from(s) for s in values["sources"]}
    retired = [(name, since) for name, since in values.get("retired", ())]
    return Root(values["sealed"], values["rows"], segments, sources, retired)


def write_root(path: Path, root: Root) -> None:
    """Replace the root attribute at once; this is what makes a sealed segment exist."""
    values = {
        "schema": SCHEMA,
        "sealed": root.sealed,
        "rows": root.rows,
        "segments": [asdict(s) for s in root.segments],
        "sources": [asdict(s) for s in root.sources.values()],
        "retired": root.retired,
    }
    with told(path):
        replace(path / "zarr.json", group_metadata({"caststream": values}))


def group_metadata(attributes: dict[str, Any]) -> bytes:
    """The ``zarr.json`` of a group (zarr v3 specification, group metadata)."""
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    # Names of files may be any bytes; those that are no UTF-8 can only be written escaped.
    return json.dumps(document, separators=(",", ":")).encode()


def pack(
    number: int,
    source: int,
    first_row: int,
    shot: Shot | None,
    mined: Sequence[Mined],
    gaps: Sequence[Gap],
) -> dict[str, NDArray[Any]]:
    """One commit as the arrays of ``COLUMNS``; empty ones are left out.

    Raises ValueError where a row belongs to no track of its message, or evidence is missing.
    """
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS}
    if shot is not None:
        kind = TRANSITIONS.index(shot.transition)
        frames = (shot.index, shot.start_frame, shot.end_frame)
        parts["shots"].append(np.array([[*frames, shot.start, shot.end, kind, shot.score]]))
    for gap in gaps:
        line = [REASONS.index(gap.reason), gap.start, gap.end, gap.frames]
        parts["gaps"].append(np.array([line]))
    for one in mined:
        _pack_mined(one, source, first_row, parts)
        first_row += len(one.tracks.rows)
    arrays = {
        name: np.concatenate(lines).astype(DTYPES[name], copy=False)
        for name, lines in parts.items()
        if sum(map(len, lines))
    }
    counts = [len(arrays.get(name, ())) for name in COLUMNS["commits"][2:]]
    arrays["commits"] = np.array([[number, source, *counts]], DTYPES["commits"])
    return arrays


def _pack_mined(
    mined: Mined, source: int, first_row: int, parts: dict[str, list[NDArray[Any]]]
) -> None:
    rows = mined.tracks.rows
    order = np.lexsort((rows.frame, rows.track))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(first_row, first_row + len(rows))
    owner = rows.track[order]
    tracks = mined.tracks.tracks
    ids = np.array([t.id for t in tracks], np.int64)
    if not np.isin(owner, ids).all():
        raise ValueError(f"shot {mined.tracks.shot} has rows of tracks that it does not list")
    if len(mined.evidence) != len(mined.triplets):
        raise ValueError(f"shot {mined.tracks.shot} has triplets without evidence")
    crops = [rows.crop[i] for i in order]
    sizes = [len(crop) for crop in crops]
    uids = make_uids(source, owner)
    parts["rows"].append(np.stack([rows.frame[order], uids, sizes, rows.blend[order]], axis=1))
    parts["times"].append(rows.time[order])
    parts["boxes"].append(np.column_stack([rows.box[order], rows.score[order]]))
    parts["vectors"].append(rows.vector[order])
    parts["features"].append(rows.features[order])
    parts["crops"].append(np.frombuffer(b"".join(crops), np.uint8))
    parts["triplets"].append(place[mined.triplets.reshape(-1, 3)])
    parts["evidence"].append(mined.evidence.reshape(-1, 4))
    parts["apart"].append(make_uids(source, mined.apart.reshape(-1, 2)))
    first = np.searchsorted(owner, ids, "left")
    count = np.searchsorted(owner, ids, "right") - first
    for track, row, boxes in zip(tracks, first + first_row, count, strict=True):
        name = make_uid(source, track.id)
        frames = (track.start_frame, track.end_frame, int(boxes), track.exemplar)
        extra = (int(row), len(track.online), mined.tracks.model)
        parts["tracks"].append(np.array([[name, track.shot, *frames, *extra]], np.int64))
        parts["spans"].append(np.array([[track.start, track.end, track.score]]))
        parts["online"].append(np.array(track.online, np.int64))
    analysed = mined.tracks.frames, mined.tracks.times
    if not len(analysed[0]):
        frame, first_of = np.unique(rows.frame, return_index=True)
        analysed = frame, rows.time[first_of]
    parts["frames"].append(np.column_stack(analysed).astype(np.float64))
