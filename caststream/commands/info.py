"""``caststream info``: what a store holds."""

from __future__ import annotations

import argparse

from caststream.commands import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")


def _run(args: argparse.Namespace) -> int:
    from caststream.export.info import render, store_info

    print(render(store_info(args.store)))
    return 0


INFO = Command("Tell what a store holds: sources, characters, models.", _arguments, _run)
