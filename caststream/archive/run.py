"""Units of a plan on a Ray cluster: Ray schedules, retries and spreads, units commit themselves.

A unit that is committed is not done again, however often and wherever a run is started; a crash
of a worker or of the driver loses the units that were running.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from caststream.archive.plan import Unit, unit_from
from caststream.archive.unit import do_unit, done_units
from caststream.errors import CaststreamError, NodeError, OutputError, StoreError, UsageError
from caststream.store.places import Place

TRIES = 3
"""How often a unit is tried again whose archive was away; where a worker dies, Ray's own rules hold
(three times)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that could not be done."""

    what: str
    why: str
    exit_code: int


@dataclass(slots=True)
class Ran:
    """What a run did."""

    done: int = 0
    known: int = 0
    """Committed before."""
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Resources:
    """What Ray sets aside for each unit."""

    cpus: float = 1.0
    gpus: float = 0.0
    """A share such as 0.25 puts four units on one GPU."""
    at_once: int | None = None
    """Units at the same time; None for as many as there is room for."""


def run_units(
    units: Sequence[Unit],
    archive: Place,
    resources: Resources,
    address: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Ran:
    """Do all units that are not done yet, on the cluster at ``address`` or one of this machine.

    ``tell`` hears of each unit that has ended. Its workers read films and archive themselves, so
    they have to be allowed to, and to have caststream installed.

    Raises UsageError where Ray is missing or no cluster answers, StoreError where the archive
    cannot be read.
    """
    finished = done_units(archive)
    todo = [unit for unit in units if unit.id not in finished]
    ran = Ran(known=len(units) - len(todo))
    if not todo:
        return ran
    ray = _ray(address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a unit takes as long as it takes
    # One lost unit is told at the end; the others go on.
    context.max_errored_blocks = -1
    context.max_map_retries = TRIES
    context.retried_map_errors = [_AWAY]
    # One row a block: a unit is what is scheduled, done and retried.
    rows = ray.data.from_items(
        [{**asdict(unit), "settings": list(unit.settings)} for unit in todo],
        override_num_blocks=len(todo),
    )
    done = rows.map(
        _Do(archive, "cuda" if resources.gpus else "cpu"),
        num_cpus=resources.cpus,
        num_gpus=resources.gpus or None,
        compute=ray.data.TaskPoolStrategy(resources.at_once),
    )
    missing = {unit.id: f"{unit.uri} ({unit.start:.0f} s)" for unit in todo}
    for line in done.iter_rows():
        what = missing.pop(line["id"])
        tell(f"{len(todo) - len(missing)} of {len(todo)}: {what}")
        if line["why"]:
            ran.failed.append(Failure(what, line["why"], line["code"]))
        elif line["done"]:
            ran.done += 1
        else:
            ran.known += 1
    finished = done_units(archive) if missing else set()
    for unit_id, what in missing.items():
        if unit_id in finished:
            ran.done += 1
        else:
            ran.failed.append(Failure(what, _EACH_TIME, 1))
    return ran


_EACH_TIME = "it failed each time that it was tried; the logs of Ray's workers say why"
_AWAY = "caststream: try again"
"""In the message of an error that Ray shall retry."""


@dataclass(frozen=True, slots=True)
class _Do:
    """What a Ray worker does with a row."""

    archive: Place
    device: str

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        unit = unit_from(row)
        try:
            done = do_unit(unit, self.archive, self.device)
            return {"id": unit.id, "done": done, "why": "", "code": 0}
        except (StoreError, OutputError) as error:
            # The network or the object store: later may be better.
            raise RuntimeError(f"{_AWAY}: {error}") from None
        except CaststreamError as error:
            said = error.cause if isinstance(error, NodeError) else error
            return {"id": unit.id, "done": False, "why": str(said), "code": error.exit_code}
        except Exception as error:
            why = f"internal error: {type(error).__name__}: {error}"
            return {"id": unit.id, "done": False, "why": why, "code": 1}


def _ray(address: str | None) -> Any:
    # Nothing is sent to anyone unless the user asked for it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError(
            "archive run needs Ray: install caststream with its extra, 'caststream[ray]'"
        ) from None
    logging.getLogger("ray").setLevel(logging.ERROR)
    if ray.is_initialized():
        return ray
    local = {} if address else {"include_dashboard": False}
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f" at {address}" if address else ""
        raise UsageError(f"no Ray cluster{where} can be reached: {error}") from None
    return ray
