"""The plan of an archive: one row a unit, which is a film or a span of a long one.

A unit's id is a hash of its content, its span and the models and settings that will look at it. So
a plan that is made again names the same units, and what was done of them counts.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from caststream.archive.films import Film, place_of
from caststream.errors import InputError, UsageError
from caststream.graph.spec import Graph, load_graph
from caststream.store.places import checked

GRAPH = "unit"
"""The shipped graph that a unit is made with."""
OVERLAP = 20.0
"""Seconds that a span goes on into the next: a shot boundary in them is where the two join."""
LONGEST = 1200.0
"""A film of this many seconds is done whole, a longer one in equal spans of half as many at least:
long enough for models to load, short enough to be lost."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """One row of a plan."""

    id: str
    uri: str
    fingerprint: str
    """Of the whole film."""
    seconds: float
    """Of the whole film; 0 where it does not tell."""
    span: int
    """Which span of the film, from 0."""
    spans: int
    start: float
    """Seconds from the film's first picture, at a keyframe."""
    end: float
    """Seconds; 0 where it goes to the film's end."""
    following: float
    """Where the next span begins; 0 in the last one."""
    settings: tuple[str, ...]
    """Of the graph's nodes, such as ``"detect.rate=6"``."""

    @property
    def whole(self) -> bool:
        """Whether it is all of its film."""
        return self.spans == 1


def units_of(film: Film, models: str, settings: Sequence[str]) -> list[Unit]:
    """The units of a film in order: one, or spans that overlap by ``OVERLAP`` seconds at least."""
    starts = [0.0, *film.cuts]
    units = []
    for span, start in enumerate(starts):
        last = span + 1 == len(starts)
        following = 0.0 if last else starts[span + 1]
        end = 0.0 if last else following + OVERLAP
        name = json.dumps([_FORMAT, film.fingerprint, start, end, models, *settings])
        units.append(
            Unit(
                hashlib.sha256(name.encode()).hexdigest()[:32],
                film.uri,
                film.fingerprint,
                film.seconds or 0.0,
                span,
                len(starts),
                start,
                end,
                following,
                tuple(settings),
            )
        )
    return units


def load_unit_graph(settings: Iterable[str]) -> Graph:
    """The graph of a unit; GraphError where a setting does not fit it."""
    from caststream.nodes import catalogue

    return load_graph(GRAPH, catalogue(), settings)


def models_of(settings: Sequence[str]) -> str:
    """What tells the models of a unit's graph from others: digests of weights, names of the rest.

    Raises GraphError for settings that do not fit.
    """
    told: list[Any] = []
    for step in load_unit_graph(settings).steps:
        arguments = {k: step.arguments[k] for k in sorted(step.arguments)}
        model = arguments.get("model", "default")
        if Path(str(model)).is_file():
            arguments["model"] = _digest(Path(str(model)))
        told.append([step.name, arguments])
    weights = Path(__file__).parents[1] / "vision" / "weights"
    told.append([_digest(path) for path in sorted(weights.glob("*.safetensors"))])
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


# --- on disk -----------------------------------------------------------------------------------


def write_plan(units: Sequence[Unit], path: str) -> None:
    """Write a plan as a Parquet file, local or in an object store; OutputError where refused."""
    pyarrow, parquet = _parquet()
    lines = [{**asdict(unit), "settings": list(unit.settings)} for unit in units]
    data = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(lines, _schema(pyarrow)), data)
    place, name = place_of(checked(path))
    place.put(name, data.getvalue())


def read_plan(path: str) -> list[Unit]:
    """The units of a plan; InputError where it cannot be read or is none."""
    pyarrow, parquet = _parquet()
    place, name = place_of(checked(path))
    data = place.read(name)
    try:
        lines = parquet.read_table(io.BytesIO(data)).to_pylist()
        return [unit_from(line) for line in lines]
    except (pyarrow.ArrowException, KeyError, TypeError):
        raise InputError(f"{path} is no plan: make one with 'caststream archive plan'") from None


def unit_from(line: dict[str, Any]) -> Unit:
    """A unit from a row of a plan."""
    values = {field.name: line[field.name] for field in fields(Unit)}
    return Unit(**{**values, "settings": tuple(values["settings"])})


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "plans need pyarrow: install caststream with its extra, 'caststream[ray]'"
        ) from None
    return pyarrow, parquet


def _schema(pyarrow: Any) -> Any:
    kinds = {"str": pyarrow.string(), "float": pyarrow.float64(), "int": pyarrow.int64()}
    kinds["tuple[str, ...]"] = pyarrow.list_(pyarrow.string())
    return pyarrow.schema([(field.name, kinds[str(field.type)]) for field in fields(Unit)])
