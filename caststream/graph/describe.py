"""A checked graph, and the nodes that there are, as text for people."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from caststream.errors import GraphError
from caststream.graph import kinds
from caststream.graph.node import Node
from caststream.graph.spec import Catalogue, Graph, Step, resolve


def describe(graph: Graph) -> str:
    """Draw the tree: each node with its kinds in and out, its queue and all its settings."""
    rows = list(_rows(graph, graph.steps[0], (), "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [
        f"{tree:<{widths[0]}}  {flow:<{widths[1]}}  {settings}".rstrip()
        for tree, flow, settings in rows
    ]
    return "\n".join([f"graph {graph.name}", *lines])


def describe_nodes(catalogue: Catalogue) -> str:
    """List the nodes: what each is, its kinds in and out, its arguments with types, defaults."""
    return "\n\n".join(_describe_node(kind, catalogue) for kind in catalogue)


def _rows(
    graph: Graph, step: Step, given: tuple[type, ...], lead: str, below: str
) -> Iterator[tuple[str, str, str]]:
    # Only what travels on this edge: a node may take more than its parent makes.
    taken = kinds.fits(given, kinds.accepts(step.node))
    yield lead + step.name, _flow(taken, step.node), ", ".join(_settings(step))
    children = graph.children(step.name)
    for child in children:
        last = child is children[-1]
        yield from _rows(
            graph,
            child,
            kinds.makes(step.node),
            below + ("└── " if last else "├── "),
            below + ("    " if last else "│   "),
        )


def _settings(step: Step) -> Iterator[str]:
    if step.queue:
        yield f"queue {step.queue} ({'drops' if step.when_full == 'drop' else 'waits'} when full)"
    for argument in kinds.arguments(step.node).values():
        value = step.arguments.get(argument.name, argument.default)
        yield f"{argument.name} = {_value(value)}"


def _flow(taken: tuple[type, ...], node: type[Node]) -> str:
    return f"{_names(taken)} -> {_names(kinds.makes(node)) or 'nothing'}".strip()


def _describe_node(kind: str, catalogue: Catalogue) -> str:
    try:
        node = resolve(kind, catalogue)
        flow = _flow(kinds.accepts(node), node)
    except GraphError as error:
        # Another package's broken node must not hide all others.
        return f"{kind}: {error}"
    lines = [f"{kind}: {(inspect.getdoc(node) or '').partition(chr(10))[0]}", f"    {flow}"]
    for argument in kinds.arguments(node).values():
        default = "" if argument.required else f" = {_value(argument.default)}"
        lines.append(f"    {argument.name}: {kinds.spell(argument.type)}{default}")
    return "\n".join(lines)


def _value(value: Any) -> str:
    """Write a value as a graph file would."""
    return "none" if value is None else json.dumps(value, default=str, ensure_ascii=False)


def _names(found: tuple[type, ...]) -> str:
    return " | ".join(kind.__name__ for kind in found)
