"""Looking after a store: is it sound, and could it be smaller."""

from __future__ import annotations

import argparse
import sys

from caststream.commands import Command
from caststream.errors import StoreError, StoreLockedError


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument("--repair", action="store_true", help="mend what can be mended")


def _check(args: argparse.Namespace) -> int:
    from caststream.store.check import check, repair

    found = check(args.store)
    if args.repair and any(finding.mendable for finding in found):
        repair(args.store)
        left = check(args.store)
        for finding in found:
            print(f"{'mended' if finding not in left else 'left'}: {finding.what}")
        found = left
    else:
        for finding in found:
            hint = " (--repair mends it)" if finding.mendable else ""
            print(f"{finding.what}{hint}")
    if found:
        return StoreError.exit_code
    print(f"{args.store} is sound")
    return 0


def _compact_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument(
        "--keep",
        default="",
        metavar="TIME",
        help="take crops away that are older than 30d, 12h ... (default: keep all)",
    )


def _compact(args: argparse.Namespace) -> int:
    from caststream.store.compact import compact
    from caststream.store.control import ask
    from caststream.store.retention import parse_keep
    from caststream.store.writer import StoreWriter

    keep = parse_keep(args.keep)
    try:
        with StoreWriter.open(args.store, create=False) as writer:
            print(compact(writer, keep))
    except StoreLockedError:
        print("a stream writes it, and compacts it now", file=sys.stderr)
        print(ask(args.store, {"do": "compact", "keep": keep}, patience=3600.0))
    return 0


CHECK = Command("Read all of a store and tell what is damaged.", _check_arguments, _check)
COMPACT = Command(
    "Make fewer and smaller files of a store, also while it is written.",
    _compact_arguments,
    _compact,
)
