"""The map of the commands, and what a command is.

A module of this package imports nothing heavy before its command runs: ``--help``, the shell's
completion and the documentation load all of them.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass

COMMANDS = {
    "export": "caststream.commands.export:EXPORT",
    "info": "caststream.commands.info:INFO",
    "watch": "caststream.commands.watch:WATCH",
    "check": "caststream.commands.care:CHECK",
    "compact": "caststream.commands.care:COMPACT",
    "top": "caststream.commands.running:TOP",
    "add": "caststream.commands.running:ADD",
    "remove": "caststream.commands.running:REMOVE",
    "serve": "caststream.commands.serve:SERVE",
    "name": "caststream.commands.people:NAME",
    "merge": "caststream.commands.people:MERGE",
    "split": "caststream.commands.people:SPLIT",
    "move": "caststream.commands.people:MOVE",
    "not-this": "caststream.commands.people:NOT_THIS",
    "apart": "caststream.commands.people:APART",
    "whole": "caststream.commands.people:WHOLE",
    "ignore": "caststream.commands.people:IGNORE",
    "undo": "caststream.commands.people:UNDO",
    "log": "caststream.commands.people:LOG",
    "tune": "caststream.commands.upkeep:TUNE",
    "regroup": "caststream.commands.upkeep:REGROUP",
    "models": "caststream.commands.upkeep:MODELS",
    "eval": "caststream.commands.evaluate:EVAL",
    "archive": "caststream.commands.archive:ARCHIVE",
    "graph": "caststream.commands.graph:GRAPH",
    "nodes": "caststream.commands.graph:NODES",
}
"""Name -> "module:COMMAND", in the order in which they are listed."""

STREAM = "caststream.commands.stream:STREAM"
"""What runs where no command is named."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it says of itself, what it takes, what it does."""

    description: str
    """One sentence; ``--help`` and lists of commands show it."""
    arguments: Callable[[argparse.ArgumentParser], None]
    """Adds its arguments to a parser."""
    run: Callable[[argparse.Namespace], int]
    """Does it and returns the exit code; raises CaststreamError."""
    epilog: Callable[[], str] | None = None
    """What ``--help`` ends with."""


def load(where: str) -> Command:
    """Import one command by its place in the map."""
    module, _, name = where.partition(":")
    command = getattr(importlib.import_module(module), name)
    assert isinstance(command, Command)
    return command


def parser_of(name: str | None) -> argparse.ArgumentParser:
    """The parser of a command, or of the stream where ``name`` is None."""
    command = load(STREAM if name is None else COMMANDS[name])
    parser = argparse.ArgumentParser(
        prog="caststream" if name is None else f"caststream {name}",
        description=command.description,
        epilog=command.epilog() if command.epilog else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.arguments(parser)
    parser.set_defaults(run=command.run)
    return parser
