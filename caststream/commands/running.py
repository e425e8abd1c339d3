"""Commands for a stream that runs: look at it, give it another source, take one away."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caststream.commands import Command

if TYPE_CHECKING:
    from rich.table import Table

Snapshot = dict[str, Any]
_WIDTH = 180
"""Columns of the table where no terminal says how many there are."""


def _store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", help="the store that the stream writes")


def _store_and_uri(parser: argparse.ArgumentParser) -> None:
    _store(parser)
    parser.add_argument("uri", help="address of the source (to take away: or its number)")


def _top(args: argparse.Namespace) -> int:
    from caststream.store.control import ask

    snapshot: Snapshot = ask(args.store, {"do": "vitals"})
    from rich.console import Console
    from rich.live import Live

    if not sys.stdout.isatty():
        Console(width=_WIDTH).print(_table(snapshot))
        return 0
    console = Console()
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(_table(snapshot), refresh=True)
            time.sleep(1.0)
            snapshot = ask(args.store, {"do": "vitals"})


def _table(snapshot: Snapshot) -> Table:
    from rich.table import Table

    facts = "".join(f", {value} {name}" for name, value in snapshot["facts"].items())
    title = (
        f"{snapshot['store']}  process {snapshot['pid']}  up {_clock(snapshot['uptime'])}"
        f"  {snapshot['resident'] / 2**20:.0f} MiB  {snapshot['cpu']:.0f} s of processor\n"
        f"{snapshot['characters']} characters ({snapshot['named']} named),"
        f" revision {snapshot['revision']}, model {snapshot['model']};"
        f" {snapshot['ended']} sources ended, {snapshot['failed']} failed{facts}"
    )
    table = Table(title=title, title_justify="left", expand=True)
    for name in ("source", "state", "time", "frames", "labelled", "shots", "tracks", "gaps"):
        table.add_column(name, overflow="fold")
    table.add_column("late p50/p99")
    table.add_column("queues")
    for one in snapshot["sources"]:
        latency = one["latency"]
        late = "-" if latency["p50"] is None else f"{latency['p50']:.2f}/{latency['p99']:.2f} s"
        gaps = " ".join(f"{reason} {count}" for reason, count in one["gaps"].items())
        queues = " ".join(f"{name} {a}/{b}" for name, (a, b) in one["queues"].items())
        state = f"{one['state']}: {one['why']}" if one["why"] else one["state"]
        table.add_row(
            one["uri"], state, _clock(one["seconds"]), str(one["frames"]), str(one["analysed"]),
            str(one["shots"]), str(one["tracks"]), gaps or "-", late, queues or "-",
        )  # fmt: skip
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _add(args: argparse.Namespace) -> int:
    return _tell(args, "add")


def _remove(args: argparse.Namespace) -> int:
    return _tell(args, "remove")


def _tell(args: argparse.Namespace, what: str) -> int:
    from caststream.store.control import ask

    uri = args.uri
    if not uri.isdecimal() and Path(uri).exists():
        uri = str(Path(uri).absolute())  # the stream may have been started in another folder
    print(ask(args.store, {"do": what, "uri": uri}))
    return 0


TOP = Command("Look at a stream that is running.", _store, _top)
ADD = Command("Give a running stream another source.", _store_and_uri, _add)
REMOVE = Command("Take a source away from a running stream.", _store_and_uri, _remove)
