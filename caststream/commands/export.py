"""``caststream export``: a store in the forms that other tools read."""

from __future__ import annotations

import argparse
import sys

from caststream.commands import Command
from caststream.errors import OutputError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument("--to", choices=["ndjson"], default="ndjson")
    parser.add_argument("--out", metavar="FILE", help="default: standard output")
    parser.add_argument("--source", type=int, help="only this source (see info)")


def _run(args: argparse.Namespace) -> int:
    from caststream.export.ndjson import export_ndjson

    if args.out is None:
        export_ndjson(args.store, sys.stdout, source=args.source)
        sys.stdout.flush()
        return 0
    try:
        with open(args.out, "w", encoding="utf-8") as out:  # noqa: PTH123
            export_ndjson(args.store, out, source=args.source)
    except OSError as error:
        raise OutputError(f"cannot write {args.out}: {error.strerror}") from error
    return 0


EXPORT = Command("Write what a store holds, with final labels everywhere.", _arguments, _run)
