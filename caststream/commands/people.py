"""Commands by which people say who is who: name, merge, split, move, ignore, undo and so on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from caststream.commands import Command

if TYPE_CHECKING:
    from caststream.learning.edit import Editor
    from caststream.store.acts import Act


def _name(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character

    _told(editor.name(read_character(args.character), args.name, also=args.also))


def _merge(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character

    _told(editor.merge(read_character(args.gone), read_character(args.into)))


def _split(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_track
    from caststream.messages import character_text

    act = editor.split([read_track(t) for t in args.tracks])
    _told(act)
    print(f"new character: {character_text(act.arguments['into'])}")


def _move(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character, read_track

    _told(editor.move([read_track(t) for t in args.tracks], read_character(args.into)))


def _not_this(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character, read_track

    _told(editor.not_this([read_track(t) for t in args.tracks], read_character(args.character)))


def _apart(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character

    _told(editor.apart(read_character(args.one), read_character(args.other)))


def _whole(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character

    _told(editor.whole(read_character(args.character)))


def _ignore(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.edit import read_character

    _told(editor.ignore(read_character(args.character), not args.no))


def _undo(editor: Editor, args: argparse.Namespace) -> None:
    act = editor.undo(args.act)
    print(f"act {act.number}: act {act.arguments['act']} is undone")


def _log(editor: Editor, args: argparse.Namespace) -> None:
    from caststream.learning.characters import undone

    acts = editor.log()
    gone = undone(acts)
    for act in acts:
        when = datetime.fromtimestamp(act.time, UTC).isoformat(" ", "seconds")
        mark = "  (undone)" if act.number in gone else ""
        print(f"{act.number:5d}  {when}  {act.kind:9s} {_words(act)}{mark}")


def _told(act: Act) -> None:
    print(f"act {act.number}: {act.kind} {_words(act)}")


def _words(act: Act) -> str:
    """The arguments of an act as the commands take them."""
    from caststream.learning.edit import track_text
    from caststream.messages import character_text

    words = []
    for key, value in act.arguments.items():
        if key == "tracks":
            words.append(" ".join(track_text(int(uid)) for uid in value))
        elif key in ("character", "from", "into", "one", "other"):
            words.append(f"{key} {character_text(int(value))}")
        elif key == "name":
            words.append(f'"{value}"')
        else:
            words.append(f"{key} {value}")
    return ", ".join(words)


def _command(
    description: str,
    arguments: Sequence[tuple[str, dict[str, Any]]],
    act: Callable[[Editor, argparse.Namespace], None],
) -> Command:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("store")
        for name, options in arguments:
            parser.add_argument(name, **options)

    def run(args: argparse.Namespace) -> int:
        from caststream.learning.edit import Editor

        act(Editor(args.store), args)
        return 0

    return Command(description, add, run)


_CHARACTER: tuple[str, dict[str, Any]] = ("character", {"help": "such as c7"})
_TRACKS: tuple[str, dict[str, Any]] = ("tracks", {"nargs": "+", "metavar": "SOURCE:TRACK"})

NAME = _command(
    "Name a character; an empty name takes its name away.",
    [
        _CHARACTER,
        ("name", {}),
        ("--also", {"action": "store_true", "help": "another one may have the name too"}),
    ],
    _name,
)
MERGE = _command(
    "Make two characters one, with the id of the second.",
    [("gone", {"help": "such as c9"}), ("into", {"help": "such as c7"})],
    _merge,
)
SPLIT = _command("Make a new character of some tracks.", [_TRACKS], _split)
MOVE = _command(
    "Put tracks into another character.", [("into", {"help": "such as c7"}), _TRACKS], _move
)
NOT_THIS = _command("Say that tracks are not this character.", [_CHARACTER, _TRACKS], _not_this)
APART = _command(
    "Say that two characters are not one: they are not suggested again.",
    [("one", {"help": "such as c7"}), ("other", {"help": "such as c9"})],
    _apart,
)
WHOLE = _command(
    "Say that a character is one: the split that info suggests is not suggested again.",
    [_CHARACTER],
    _whole,
)
IGNORE = _command(
    "Leave a character out of all labels.",
    [_CHARACTER, ("--no", {"action": "store_true", "help": "take it in again"})],
    _ignore,
)
UNDO = _command(
    "Take an act back: the last one, or the one that log numbers.",
    [("act", {"type": int, "nargs": "?"})],
    _undo,
)
LOG = _command("List all acts.", [], _log)
