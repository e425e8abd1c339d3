"""The checks that every node has to pass, ours or another package's.

``for check in CHECKS: check(node)``; a new node is checked as soon as ``NODES`` names it. Nothing
here opens a node: what it does with messages is for its own tests.
"""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import get_args

from caststream.graph import kinds
from caststream.graph.node import Node, Source
from caststream.messages import Marker, Message

HEAVY = {"torch", "torchvision", "numba", "sklearn", "kornia", "openvino", "zarr", "scipy"}
"""Packages that importing the nodes must not pull in: the program has to answer at once."""


def built(node: type[Node]) -> Node:
    """Make a node with its defaults."""
    return node()


def check_states_itself(node: type[Node]) -> None:
    """A docstring of its own, annotated arguments with defaults of their types."""
    assert node.__doc__ and node.__doc__.strip(), "has no docstring"
    first = inspect.cleandoc(node.__doc__).partition("\n")[0]
    assert first.endswith("."), f"first line of the docstring is no sentence: {first!r}"
    for argument in kinds.arguments(node).values():
        assert not argument.required, f"{argument.name} has no default"
        assert kinds.convert(argument.default, argument.type) == argument.default, (
            f"{argument.name}: default {argument.default!r} is not {kinds.spell(argument.type)}"
        )


def check_kinds(node: type[Node]) -> None:
    """Takes and makes messages of the stream, and something at least."""
    known = get_args(Message)
    accepted, made = kinds.accepts(node), kinds.makes(node)
    for kind in (*accepted, *made):
        assert issubclass(kind, known), f"{kind.__name__} is no message of caststream"
    assert accepted or issubclass(node, Source)
    assert len(kinds.fits(made, (Marker,))) < len(made) or not made, "makes nothing but markers"


def check_settings_only(node: type[Node]) -> None:
    """Building is cheap and leaves something small that another process can be given."""
    pickled = pickle.dumps(built(node))
    assert len(pickled) < 4096, f"{len(pickled)} bytes before it was even opened"
    assert type(pickle.loads(pickled)) is node


def check_keeps_settings(node: type[Node]) -> None:
    """Every argument is kept under its own name, so that what runs can be told."""
    made = built(node)
    for argument in kinds.arguments(node).values():
        assert getattr(made, argument.name) == argument.default, argument.name


def check_closes_at_any_time(node: type[Node]) -> None:
    """``close`` is safe without ``open``, and twice."""
    made = built(node)
    made.close()
    made.close()


def check_hooks_are_annotated(node: type[Node]) -> None:
    """The flushing hooks are annotated to give kinds that ``process`` names as well."""
    made = (*kinds.makes(node), Marker)
    for hook in ("end_shot", "mark", "end_stream"):
        function = getattr(node, hook)
        if function is getattr(Node, hook):
            continue
        for kind in kinds.yields(function, node, hook):
            assert issubclass(kind, made), f"{hook} gives {kind.__name__}, process does not"


def check_stops_at_any_time(node: type[Node]) -> None:
    """A source can be told to stop before it was opened, and twice."""
    if issubclass(node, Source):
        made = node()
        made.stop()
        made.stop()
        made.close()


CHECKS: tuple[Callable[[type[Node]], None], ...] = (
    check_states_itself,
    check_kinds,
    check_settings_only,
    check_keeps_settings,
    check_closes_at_any_time,
    check_hooks_are_annotated,
    check_stops_at_any_time,
)


def heavy_imports(entries: Iterable[str]) -> set[str]:
    """Import "module:Class" entries and build them, in a new process; return what is heavy."""
    program = (
        "import importlib, json, sys\n"
        "for entry in json.loads(sys.argv[1]):\n"
        "    module, _, name = entry.partition(':')\n"
        "    getattr(importlib.import_module(module), name)()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(list(entries))],
        capture_output=True,
        text=True,
        check=True,
    )
    return HEAVY & set(json.loads(done.stdout))
