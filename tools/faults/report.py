"""What a scenario found, and the table of all."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    fault: str
    wanted: str
    found: str
    good: bool


def table(rows: Iterable[Row]) -> str:
    """The lines as Markdown."""
    lines = ["| fault | wanted | found | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row.fault} | {row.wanted} | {row.found} | {'held' if row.good else '**not held**'} |"
        for row in rows
    ]
    return "\n".join(lines)


def stamp() -> str:
    """When and on what it was run."""
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.system()}"
