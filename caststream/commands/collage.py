"""``caststream collage``: a picture of each character, out of a store."""

from __future__ import annotations

import argparse

from caststream.commands import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument("--out", metavar="DIR", required=True, help="made where it is missing")
    parser.add_argument("--character", metavar="c7", help="only this one")
    parser.add_argument(
        "--pictures", type=int, default=40, metavar="N", help="at most, of each (default: 40)"
    )


def _run(args: argparse.Namespace) -> int:
    from caststream.errors import UsageError
    from caststream.export.collage import write_collages
    from caststream.learning.edit import read_character

    if args.pictures < 1:
        raise UsageError(f"--pictures {args.pictures}: give 1 at least")
    only = None if args.character is None else read_character(args.character)
    for path in write_collages(args.store, args.out, only, args.pictures):
        print(path)
    return 0


COLLAGE = Command("Draw a collage of each character's pictures.", _arguments, _run)
