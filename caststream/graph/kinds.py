"""What a node says of itself in its annotations: kinds of messages, arguments and their types.

The runner, the loader of graph files and the printed descriptions all read nodes through this
module, so a node states everything once, in its signatures.
"""

from __future__ import annotations

import collections.abc
import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union

from caststream.errors import GraphError
from caststream.graph.node import Node, Source
from caststream.messages import Marker

_STREAMS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
)
_SEQUENCES = (list, tuple, collections.abc.Sequence)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a node's ``__init__``."""

    name: str
    type: Any
    """Its annotation, resolved."""
    default: Any
    """``inspect.Parameter.empty`` where it has none."""

    @property
    def required(self) -> bool:
        """Whether a graph file has to give it."""
        return self.default is inspect.Parameter.empty


def nearest(word: str, words: Iterable[str]) -> str:
    """Say which of the right words was probably meant: ``'; did you mean "rate"?'`` or a list."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f" (there are: {', '.join(known)})" if known else " (there are none)"


def accepts(node: type[Node]) -> tuple[type, ...]:
    """Kinds of messages that ``process`` takes; markers are left out, since all nodes get them.

    Raises GraphError where the annotations are missing or cannot be resolved.
    """
    if issubclass(node, Source):
        return ()
    hints = _hints(node.process, node, "process")
    names = [name for name in inspect.signature(node.process).parameters if name != "self"]
    if len(names) != 1 or names[0] not in hints:
        raise GraphError(f"{node.__name__}.process must take one message with an annotated kind")
    kinds = _kinds(hints[names[0]], node, "process")
    if any(issubclass(kind, Marker) for kind in kinds):
        raise GraphError(
            f"{node.__name__}.process names a marker; markers come to end_shot, mark, end_stream"
        )
    return kinds


def makes(node: type[Node]) -> tuple[type, ...]:
    """Kinds that a node yields, read from ``Iterator[...]`` of ``process`` or ``produce``.

    ``Iterator[Never]`` is a leaf that yields nothing. Raises GraphError as ``accepts`` does.
    """
    hook = "produce" if issubclass(node, Source) else "process"
    return yields(getattr(node, hook), node, hook)


def yields(function: Callable[..., Any], node: type[Node], hook: str) -> tuple[type, ...]:
    """Kinds in the ``Iterator[...]`` that one hook of a node is annotated to return."""
    returned = _hints(function, node, hook).get("return")
    if typing.get_origin(returned) not in _STREAMS:
        raise GraphError(f"{node.__name__}.{hook} must be annotated to return an Iterator[...]")
    return _kinds(typing.get_args(returned)[0], node, hook)


def fits(made: Iterable[type], accepted: tuple[type, ...]) -> tuple[type, ...]:
    """Return those of the made kinds that are accepted."""
    return tuple(kind for kind in made if issubclass(kind, accepted))


def arguments(node: type[Node]) -> dict[str, Argument]:
    """Arguments of ``__init__`` by name, in order; GraphError where one has no annotation."""
    hints = _hints(node.__init__, node, "__init__")
    found: dict[str, Argument] = {}
    for name, parameter in inspect.signature(node).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise GraphError(f"{node.__name__}.__init__ must take plain named arguments")
        if name not in hints:
            raise GraphError(f'{node.__name__}.__init__: argument "{name}" has no annotation')
        found[name] = Argument(name, hints[name], parameter.default)
    return found


def convert(value: Any, wanted: Any) -> Any:
    """Give a TOML value the annotated type, or raise ValueError.

    An int becomes a float where one is wanted, a string a Path, an array a list or tuple; nothing
    else is turned into anything.
    """
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return value
    if origin in (Union, types.UnionType):
        return _first(value, inner)
    if origin is Literal:
        # 1 == True and 1 == 1.0 in Python, so the types are compared as well.
        for choice in inner:
            if type(value) is type(choice) and value == choice:
                return choice
        raise ValueError
    if origin in _SEQUENCES or wanted in _SEQUENCES:
        return _sequence(value, origin or wanted, inner)
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is Path and isinstance(value, str):
        return Path(value)
    plain = origin or wanted
    if isinstance(plain, type) and isinstance(value, plain) and type(value) is not bool:
        return value
    if plain is bool and type(value) is bool:
        return value
    raise ValueError


def spell(wanted: Any) -> str:
    """Write a type for people: ``float``, ``"wait" | "drop"``, ``list[str]``."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (Union, types.UnionType):
        return " | ".join(spell(part) for part in inner)
    if origin is Literal:
        return " | ".join(
            f'"{choice}"' if isinstance(choice, str) else repr(choice) for choice in inner
        )
    if wanted is types.NoneType:
        return "none"
    if wanted is Ellipsis:
        return "..."
    name = getattr(origin or wanted, "__name__", str(wanted))
    return f"{name}[{', '.join(spell(part) for part in inner)}]" if inner else name


def _hints(function: Callable[..., Any], node: type[Node], hook: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise GraphError(
            f"{node.__name__}.{hook}: its annotations cannot be read ({error}); "
            "import what they name at run time, not under TYPE_CHECKING"
        ) from error


def _kinds(annotation: Any, node: type[Node], hook: str) -> tuple[type, ...]:
    if typing.get_origin(annotation) in (Union, types.UnionType):
        found = [kind for part in typing.get_args(annotation) for kind in _kinds(part, node, hook)]
        return tuple(dict.fromkeys(found))
    if annotation in (typing.Never, typing.NoReturn):
        return ()
    if not isinstance(annotation, type) or annotation in (Any, object, types.NoneType):
        raise GraphError(
            f"{node.__name__}.{hook}: {spell(annotation)} is no kind of message; "
            "name message classes"
        )
    return (annotation,)


def _first(value: Any, choices: tuple[Any, ...]) -> Any:
    # An exact type goes first, else `float | int` would turn 3 into 3.0.
    for choice in sorted(choices, key=lambda choice: choice is not type(value)):
        try:
            return convert(value, choice)
        except ValueError:
            continue
    raise ValueError


def _sequence(value: Any, origin: Any, inner: tuple[Any, ...]) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError
    make = list if origin is list else tuple
    if not inner:
        return make(value)
    if make is tuple and origin is tuple and inner[-1] is not Ellipsis:
        if len(value) != len(inner):
            raise ValueError
        return tuple(convert(item, kind) for item, kind in zip(value, inner, strict=True))
    return make(convert(item, inner[0]) for item in value)
