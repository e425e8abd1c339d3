"""Graph files: TOML in, a checked tree out.

File order is flow order, each table is one node::

    [decode]

    [detect]
    from = "decode"      # default: the table before it
    node = "detect"      # default: the table's name
    queue = 8            # a thread and an inbox of this size; default: the parent's thread
    when_full = "wait"   # or "drop"
    rate = 4.0           # every other key is an argument of the node

A table ``[sources]`` may name addresses to run side by side: ``studio = "rtsp://..."``.

Loading checks names, kinds on every edge and arguments, so a graph that loads can run.
"""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from caststream.errors import CaststreamError, GraphError
from caststream.graph import kinds
from caststream.graph.node import Node, Source

WhenFull = Literal["wait", "drop"]
Catalogue = Mapping[str, str | type[Node]]
"""Kind of node -> its class, or "module:Class" where it shall be imported only when used."""

_RUNNER_KEYS: dict[str, Any] = {"from": str, "node": str, "queue": int, "when_full": WhenFull}
_NAME = re.compile(r"[A-Za-z][\w-]*")


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a graph, not yet built."""

    name: str
    node: type[Node]
    arguments: dict[str, Any] = field(default_factory=dict)
    """What is given to ``__init__``; the rest keeps its defaults."""
    parent: str | None = None
    """None for the source."""
    queue: int = 0
    """Size of its inbox; 0 where it runs on its parent's thread."""
    when_full: WhenFull = "wait"

    def build(self) -> Node:
        """Make the node; GraphError where it refuses its arguments."""
        try:
            return self.node(**self.arguments)
        except GraphError:
            raise
        except (CaststreamError, TypeError, ValueError) as error:
            raise GraphError(f'node "{self.name}": {error}') from error


@dataclass(frozen=True, slots=True)
class Graph:
    """A checked tree: the source first, every node after its parent.

    Raises GraphError on construction where the steps form no tree or an edge does not fit.
    """

    name: str
    steps: tuple[Step, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name -> address of sources, where the file has a table of them."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise GraphError("the graph has no nodes")
        seen: dict[str, Step] = {}
        for step in self.steps:
            if step.name in seen:
                raise GraphError(f'node "{step.name}" stands twice in the graph')
            _check_edge(step, seen)
            seen[step.name] = step

    def without(self, name: str) -> Graph:
        """The same tree without a leaf; GraphError where others hang on it."""
        return Graph(self.name, tuple(s for s in self.steps if s.name != name), self.sources)

    def children(self, name: str) -> tuple[Step, ...]:
        """Nodes fed by the named one, in the order in which they get each message."""
        return tuple(step for step in self.steps if step.parent == name)


class Override(NamedTuple):
    """One ``--set detect.rate=4``."""

    node: str
    key: str
    text: str


def parse_override(text: str) -> Override:
    """Read ``detect.rate=4``; GraphError where it has another form."""
    target, equals, value = text.partition("=")
    node, dot, key = target.strip().partition(".")
    if not (equals and dot and node and key):
        raise GraphError(f'cannot read the setting "{text}"; write it as node.argument=value')
    return Override(node, key, value.strip())


def find_graph(name_or_path: str) -> Path:
    """Path of a graph file: an existing path, else the name of one that is shipped."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = shipped_graphs()
    if name_or_path in shipped:
        return shipped[name_or_path]
    if path.is_dir():
        raise GraphError(f"{path} is a directory; give a graph file")
    if path.suffix or len(path.parts) > 1:
        raise GraphError(f"there is no graph file {path}")
    raise GraphError(f'there is no graph "{name_or_path}"{kinds.nearest(name_or_path, shipped)}')


def shipped_graphs() -> dict[str, Path]:
    """Name -> path of the graphs that come with the package."""
    folder = resources.files("caststream.graphs")
    paths = sorted(Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {path.stem: path for path in paths}


def load_graph(
    name_or_path: str,
    catalogue: Catalogue,
    overrides: Iterable[str] = (),
    more: Mapping[str, Any] | None = None,
) -> Graph:
    """Read and check a graph file, given by path or shipped name.

    ``catalogue`` says which nodes there are, ``overrides`` are settings such as
    ``"detect.rate=4"``, ``more`` are tables to stand below those of the file. Raises GraphError
    with the file, the node and the word that is wrong.
    """
    path = find_graph(name_or_path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GraphError(f"{path} is not TOML: {error}") from error
    try:
        below = {name: table for name, table in (more or {}).items() if name not in tables}
        return build_graph(path.stem, tables | below, catalogue, overrides)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error


def build_graph(
    name: str, tables: Mapping[str, Any], catalogue: Catalogue, overrides: Iterable[str] = ()
) -> Graph:
    """Check what a graph file says, already parsed."""
    tables = dict(tables)
    sources = tables.pop("sources", {})
    if not (isinstance(sources, dict) and all(isinstance(v, str) for v in sources.values())):
        raise GraphError('[sources] is a table of addresses: name = "rtsp://..."')
    for table, content in tables.items():
        if not isinstance(content, dict):
            raise GraphError(f'"{table}" stands outside of every node; give each node a [table]')
        if not _NAME.fullmatch(table):
            raise GraphError(f'"{table}" is no name for a node; use letters, digits, "_" and "-"')
    by_node: dict[str, list[Override]] = {}
    for override in map(parse_override, overrides):
        if override.node not in tables:
            raise GraphError(
                f'no node "{override.node}" to set {override.key} of'
                f"{kinds.nearest(override.node, tables)}"
            )
        by_node.setdefault(override.node, []).append(override)

    steps: list[Step] = []
    for table, content in tables.items():
        before = steps[-1].name if steps else None
        step = _read_step(table, content, before, by_node.get(table, []), catalogue)
        if step.parent is not None and step.parent not in {other.name for other in steps}:
            later = step.parent in tables
            hint = (
                "; a node stands after the one that feeds it"
                if later
                else kinds.nearest(step.parent, (other.name for other in steps))
            )
            raise GraphError(f'node "{table}": from = "{step.parent}" names no node above{hint}')
        steps.append(step)
    graph = Graph(name, tuple(steps), sources)
    for step in graph.steps:
        step.build()
    return graph


def resolve(kind: str, catalogue: Catalogue) -> type[Node]:
    """Class of a kind of node, imported now; GraphError where there is none such."""
    if kind not in catalogue:
        raise GraphError(f'there is no node "{kind}"{kinds.nearest(kind, catalogue)}')
    entry = catalogue[kind]
    if isinstance(entry, str):
        module, _, attribute = entry.partition(":")
        try:
            entry = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise GraphError(f'node "{kind}" ({entry}) cannot be imported: {error}') from error
    if not (isinstance(entry, type) and issubclass(entry, Node)):
        raise GraphError(f'node "{kind}": {entry!r} is not a class of nodes')
    return entry


def _read_step(
    name: str,
    table: Mapping[str, Any],
    before: str | None,
    overrides: list[Override],
    catalogue: Catalogue,
) -> Step:
    own = {key: value for key, value in table.items() if key in _RUNNER_KEYS}
    given = {key: value for key, value in table.items() if key not in _RUNNER_KEYS}
    for override in overrides:
        if override.key in _RUNNER_KEYS:
            own[override.key] = _value(override.text, _RUNNER_KEYS[override.key])
    runner = {key: _checked(name, key, value, _RUNNER_KEYS[key]) for key, value in own.items()}
    kind = runner.get("node", name)
    try:
        node = resolve(kind, catalogue)
    except GraphError as error:
        if kind == name:
            raise
        raise GraphError(f'node "{name}": {error}') from error

    known = kinds.arguments(node)
    texts = {override.key: override.text for override in overrides}
    for key in (*given, *(key for key in texts if key not in _RUNNER_KEYS)):
        if key not in known:
            raise GraphError(
                f'node "{name}": no argument "{key}"{kinds.nearest(key, (*known, *_RUNNER_KEYS))}'
            )
    for key, text in texts.items():
        if key in known:
            given[key] = _value(text, known[key].type)
    arguments = {key: _checked(name, key, value, known[key].type) for key, value in given.items()}
    for argument in known.values():
        if argument.required and argument.name not in arguments:
            raise GraphError(f'node "{name}": argument "{argument.name}" must be given')
    queue = runner.get("queue", 0)
    if queue < 0:
        raise GraphError(f'node "{name}": queue = {queue} is less than 0')
    parent = runner.get("from", before)
    return Step(name, node, arguments, parent, queue, runner.get("when_full", "wait"))


def _checked(name: str, key: str, value: Any, wanted: Any) -> Any:
    try:
        return kinds.convert(value, wanted)
    except ValueError:
        hint = ""
        choices = get_args(wanted)
        if isinstance(value, str) and all(isinstance(choice, str) for choice in choices):
            hint = kinds.nearest(value, choices) if choices else ""
        shown = json.dumps(value, default=str, ensure_ascii=False)
        raise GraphError(
            f'node "{name}": {key} = {shown} is not {kinds.spell(wanted)}{hint}'
        ) from None


def _value(text: str, wanted: Any) -> Any:
    """Read a value from a command line: TOML, or the bare text where only that fits."""
    try:
        parsed = tomllib.loads(f"value = {text}")
        value = parsed["value"] if len(parsed) == 1 else text
        kinds.convert(value, wanted)
    except (tomllib.TOMLDecodeError, ValueError):
        return text
    return value


def _check_edge(step: Step, above: Mapping[str, Step]) -> None:
    source = issubclass(step.node, Source)
    # Also of a leaf, whose outputs no edge asks for: its annotations have to be readable.
    kinds.makes(step.node)
    if not above:
        if not source:
            raise GraphError(f'the first node must be a source, and "{step.name}" is none')
        if step.parent is not None or step.queue:
            raise GraphError(f'the source "{step.name}" has neither a parent nor a queue')
        return
    if source:
        raise GraphError(f'"{step.name}" is a source; only the first node of a graph is one')
    if step.parent is None or step.parent not in above:
        raise GraphError(f'node "{step.name}" comes from "{step.parent}", which is not above it')
    parent = above[step.parent]
    accepted = kinds.accepts(step.node)
    parent_makes = kinds.makes(parent.node)
    if not kinds.fits(parent_makes, accepted):
        raise GraphError(
            f'"{step.name}" cannot follow "{parent.name}": it takes {_list(accepted)}, '
            f'and "{parent.name}" makes {_list(parent_makes)}'
        )
    if step.when_full == "drop" and not step.queue:
        raise GraphError(f'node "{step.name}": when_full = "drop" needs a queue')


def _list(found: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in found) or "nothing"
