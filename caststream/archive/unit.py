"""One unit of an archive: labelled on this machine, then committed under its id, or not at all.

    ARCHIVE/commits/ID.json               written last, by whoever is first; names the attempt
    ARCHIVE/units/ID/ATTEMPT/store/...    a store like any other, with this unit alone
    ARCHIVE/units/ID/ATTEMPT/summary.safetensors

Every attempt has a folder of its own, so two that do the same unit never mix. An attempt that
broke off is taken away by the one that commits.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caststream.archive.films import container_for, cut, fingerprint, place_of
from caststream.archive.plan import Unit, load_unit_graph
from caststream.errors import InputError, StoreError
from caststream.learning.summary import Summary, summarise
from caststream.messages import Context, StreamEnd, StreamStart
from caststream.store.places import Place, is_remote
from caststream.store.reader import StoreReader
from caststream.store.schema import Segment, read_root, segment_from

COMMITS = "commits"
UNITS = "units"
_SUMMARY = "summary.safetensors"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Committed:
    """What an archive says of a unit that is done."""

    unit: str
    """Its id."""
    folder: str
    """Of the attempt that counts, inside of the archive."""
    start: StreamStart
    """Of the film: its address, size, length and fingerprint."""
    end: StreamEnd
    """Of the unit."""
    models: dict[str, str]
    segments: tuple[Segment, ...]
    frames: int
    """How many of its frames lie before the next span."""
    ids: int
    """Track ids of it, online ones too, are under this."""

    def group(self, archive: Place, segment: Segment) -> str:
        """Address of one of its segments."""
        return archive.of(f"{self.folder}/store/segments/{segment.name}")

    def summary(self, archive: Place) -> Summary:
        """What finding characters needs to know of it."""
        return Summary.load(archive.read(f"{self.folder}/{_SUMMARY}"))


def do_unit(unit: Unit, archive: Place, device: str = "auto") -> bool:
    """Do a unit and commit it; False where that was done already, by whomever.

    Raises what a run of the graph raises, InputError for a film that changed since the plan was
    made, StoreError and OutputError where the archive cannot be read or written.
    """
    if is_done(unit.id, archive):
        return False
    with tempfile.TemporaryDirectory(prefix="caststream-unit-") as folder:
        film, frames = _fetched(unit, Path(folder))
        store = Path(folder, "store")
        _label(unit, film, store, device)
        attempt = f"{UNITS}/{unit.id}/{uuid.uuid4().hex}"
        with StoreReader(store) as reader:
            marker = _marker(unit, attempt, reader, frames)
            summary = summarise(reader).save()
        archive.upload(store, f"{attempt}/store", leave=("LOCK", "log"))
        archive.put(f"{attempt}/{_SUMMARY}", summary)
    done = archive.create(_commit(unit.id), json.dumps(marker).encode())
    if not done:
        # Where the answer was lost and the network asked again, what is there already is our own.
        done = read_committed(unit.id, archive).folder == attempt
    # The loser takes its own attempt away, the winner all the others.
    under = archive.names(f"{UNITS}/{unit.id}")
    archive.remove([name for name in under if name.startswith(f"{attempt}/") != done])
    return done


def is_done(unit: str, archive: Place) -> bool:
    """Whether a unit is committed."""
    return archive.has(_commit(unit))


def done_units(archive: Place) -> set[str]:
    """Ids of all units that are committed."""
    return {Path(name).stem for name in archive.names(COMMITS)}


def read_committed(unit: str, archive: Place) -> Committed:
    """What the archive says of a unit; StoreError where that is damaged or of another version."""
    values = json.loads(archive.read(_commit(unit)))
    if values.get("format") != _FORMAT:
        raise StoreError(
            f"unit {unit} of {archive.address} has format {values.get('format')!r}, this "
            f"caststream reads {_FORMAT}: merge with the caststream that made it"
        )
    return Committed(
        unit=unit,
        folder=f"{UNITS}/{unit}/{values['attempt']}",
        start=StreamStart(**values["start"]),
        end=StreamEnd(**values["end"]),
        models=values["models"],
        segments=tuple(map(segment_from, values["segments"])),
        frames=values["frames"],
        ids=values["ids"],
    )


def _commit(unit: str) -> str:
    return f"{COMMITS}/{unit}.json"


def _fetched(unit: Unit, folder: Path) -> tuple[Path, int | None]:
    """The unit's pictures as a film of this machine; how many before the next span, if cut."""
    if fingerprint(unit.uri) != unit.fingerprint:
        raise InputError(f"{unit.uri} was changed since the plan was made: plan anew")
    if unit.whole:
        if not is_remote(unit.uri):
            return Path(unit.uri), None
        place, name = place_of(unit.uri)
        path = folder / f"film{Path(name).suffix}"
        place.download(name, path)
        return path, None
    path = folder / f"span{container_for(unit.uri)}"
    frames = cut(unit.uri, unit.start, unit.end or None, unit.following or None, path)
    return path, frames


def _label(unit: Unit, film: Path, store: Path, device: str) -> None:
    from caststream.graph.runner import Run

    context = Context(uri=str(film), store=str(store), graph="unit", device=device, quiet=True)
    Run(load_unit_graph(unit.settings), context).run()


def _marker(unit: Unit, attempt: str, reader: StoreReader, frames: int | None) -> dict[str, Any]:
    (source,) = reader.sources()
    if source.end is None or source.end.reason != "eof":
        raise StoreError(f"unit {unit.id} of {unit.uri} was interrupted")
    table = reader.tracks()
    named = [0, *(table.uid & 0xFFFFFFFF).tolist(), *(i for line in table.online for i in line)]
    start = StreamStart(
        unit.uri,
        source.start.width,
        source.start.height,
        source.start.fps,
        unit.seconds or source.end.seconds,
        unit.fingerprint,
    )
    return {
        "format": _FORMAT,
        "unit": asdict(unit),
        "attempt": attempt.rpartition("/")[2],
        "start": asdict(start),
        "end": asdict(source.end),
        "models": source.models,
        "segments": [asdict(segment) for segment in read_root(reader.path).segments],
        "frames": source.end.frames if frames is None else frames,
        "ids": max(named) + 1,
    }
