"""Runs the fault suite and prints its table.

    python -m tools.faults [NAME ...] [--quick] [--out docs/faults.md]

Names: kills, damage, network, limits; all of them by default, in about half an hour on two free
cores. ``--quick`` makes a tenth of each, in about five minutes. The soak is apart:
``python -m tools.faults.soak``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from tools.faults import damage, kills, limits, network
from tools.faults.report import Row, stamp, table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="kills, damage, network, limits (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of each")
    parser.add_argument("--film", type=Path, help="a short film to send (default: one is drawn)")
    parser.add_argument("--out", type=Path, help="append the table to this file")
    args = parser.parse_args()
    share = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        film = args.film or draw(Path(folder) / "film.mp4")
        scenarios: dict[str, list[Callable[[], Row | list[Row]]]] = {
            "kills": [lambda: kills.parts(50 // share), lambda: kills.whole(film, 20 // share)],
            "damage": [lambda: damage.run(500 // share)],
            "network": [
                lambda: network.restarts(film, 100 // share, learns=False),
                lambda: network.restarts(film, 100 // share, learns=True),
                lambda: network.odd_servers(film),
                network.clocks,
            ],
            "limits": [
                lambda: limits.full_disk(film),
                lambda: limits.readers(film),
                limits.hostile,
            ],
        }
        unknown = set(args.names) - set(scenarios)
        if unknown:
            parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
        rows: list[Row] = []
        for name in args.names or scenarios:
            for scenario in scenarios[name]:
                try:
                    found = scenario()
                except Exception as error:  # one that breaks must not hide the others
                    traceback.print_exc()
                    found = Row(name, "", f"broke off: {error!r}", False)
                for row in found if isinstance(found, list) else [found]:
                    print(table([row]).splitlines()[-1], flush=True)
                    rows.append(row)
    if args.out is not None:
        with args.out.open("a", encoding="utf-8") as file:
            file.write(f"\n{stamp()}:\n\n{table(rows)}\n")
    return 0 if all(row.good for row in rows) else 1


def draw(path: Path) -> Path:
    """A cartoon of half a minute, small enough to be sent and labelled by a part of a core."""
    from tools.synth.__main__ import main as synth

    size = ["--width", "320", "--height", "180", "--fps", "12"]
    synth([str(path), "--seed", "7", "--seconds", "30", *size])
    return path


if __name__ == "__main__":
    sys.exit(main())
