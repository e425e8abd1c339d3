"""``caststream serve``: the page on which people name characters."""

from __future__ import annotations

import argparse
import contextlib
import sys

from caststream.commands import Command

_EPILOG = """\
The address that is printed holds a token: whoever has it may look and name. It is turned into a
cookie when it is opened. Ctrl-C ends the page; nothing is lost by that.

A store may be served while a stream writes it, and several people may do so at once.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument(
        "--port", type=int, default=8765, help="default: 8765; 0 takes any that is free"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone); traffic is not"
        " encrypted, so use others only in a network that you trust",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="another name by which browsers may call the page, such as that of a proxy"
        " (repeatable)",
    )


def _run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from caststream.store.schema import read_root
    from caststream.web.server import open_door, serve

    read_root(Path(args.store))
    door = open_door(args.host, args.port, args.allow_host)
    print(f"caststream: page {door.address}", file=sys.stderr, flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # the one way to end it
        serve(args.store, door)
    return 0


SERVE = Command(
    "Show a store as a page on which characters are named.", _arguments, _run, lambda: _EPILOG
)
