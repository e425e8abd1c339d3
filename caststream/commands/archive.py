"""``caststream archive``: plan, unit, run and merge, for more films than one machine can do."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from caststream.commands import Command
from caststream.commands.graphs import add_device
from caststream.errors import InputError, UsageError

if TYPE_CHECKING:
    from caststream.archive.plan import Unit

EPILOG = """\
addresses are paths, s3://bucket/folder, gs://... or az://...; credentials come from the
environment or the machine's role, never through an address

  caststream archive plan films/ s3://bucket/films/ --out plan.parquet
  caststream archive run plan.parquet --store s3://bucket/archive
  caststream archive merge plan.parquet --store s3://bucket/archive --into show.zarr
  caststream archive unit plan.parquet 17 --store s3://bucket/archive    (a Slurm or Kubernetes job)
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(required=True, metavar="plan|unit|run|merge")
    plan = what.add_parser("plan", help="write one row a unit: a film, or a span of a long one")
    plan.add_argument("inputs", nargs="+", help="films and folders; s3://bucket/folder/ with a /")
    plan.add_argument("--out", required=True, metavar="PLAN", help="where to write the plan")
    plan.add_argument(
        "--set",
        metavar="NODE.KEY=VALUE",
        action="append",
        default=[],
        help="one argument of one node of the graph 'unit', e.g. detect.rate=6 (repeatable)",
    )
    plan.set_defaults(act=_plan)
    unit = what.add_parser("unit", help="do one row of a plan and commit it")
    unit.add_argument("plan")
    unit.add_argument("row", help="its number, from 0, or its id")
    add_device(unit)
    unit.set_defaults(act=_unit)
    run = what.add_parser("run", help="do all rows of a plan on a Ray cluster")
    run.add_argument("plan")
    run.add_argument("--address", help="of the cluster, or auto; default: one of this machine")
    run.add_argument("--cpus", type=float, default=1.0, help="cores for each unit (default: 1)")
    run.add_argument(
        "--gpus", type=float, default=0.0, help="GPUs for each unit, such as 0.25 (default: 0)"
    )
    run.add_argument("--at-once", type=int, metavar="N", help="units at the same time, at most")
    run.set_defaults(act=_run)
    merge = what.add_parser(
        "merge", help="make one store and dictionary of all units that are done"
    )
    merge.add_argument("plan")
    merge.add_argument("--into", required=True, metavar="PATH", help="the store: a local folder")
    merge.set_defaults(act=_merge)
    for one in (unit, run, merge):
        one.add_argument(
            "--store", required=True, metavar="ARCHIVE", help="where units are committed"
        )


def _act(args: argparse.Namespace) -> int:
    code: int = args.act(args)
    return code


def _plan(args: argparse.Namespace) -> int:
    from caststream.archive.films import find_films, measure
    from caststream.archive.plan import LONGEST, models_of, units_of, write_plan

    models = models_of(args.set)
    units: list[Unit] = []
    known: set[str] = set()
    bad: list[InputError] = []
    for uri in find_films(args.inputs):
        try:
            film = measure(uri, LONGEST)
        except InputError as error:
            print(f"caststream: left out: {error}", file=sys.stderr)
            bad.append(error)
            continue
        if film.fingerprint in known:
            print(f"caststream: left out: {uri} is in the plan already", file=sys.stderr)
            continue
        known.add(film.fingerprint)
        units += units_of(film, models, args.set)
    write_plan(units, args.out)
    hours = sum(unit.seconds for unit in units if unit.span == 0) / 3600
    print(f"{len(known)} films, {hours:.1f} hours, {len(units)} units: {args.out}")
    return bad[0].exit_code if bad else 0


def _unit(args: argparse.Namespace) -> int:
    from caststream.archive.plan import read_plan
    from caststream.archive.unit import do_unit
    from caststream.store.places import Place

    unit = _row(read_plan(args.plan), args.row)
    done = do_unit(unit, Place(args.store), args.device)
    print(f"{unit.id} {'committed' if done else 'was committed before'}")
    return 0


def _row(units: list[Unit], text: str) -> Unit:
    named = [unit for unit in units if unit.id == text]
    if named:
        return named[0]
    if not text.isdecimal() or int(text) >= len(units):
        raise UsageError(f"the plan has no row {text}: it has {len(units)}, from 0")
    return units[int(text)]


def _run(args: argparse.Namespace) -> int:
    from caststream.archive.plan import read_plan
    from caststream.archive.run import Resources, run_units
    from caststream.store.places import Place

    if args.cpus <= 0 or args.gpus < 0 or (args.at_once is not None and args.at_once < 1):
        raise UsageError("--cpus has to be above 0, --gpus 0 or more, --at-once 1 or more")
    resources = Resources(args.cpus, args.gpus, args.at_once)
    ran = run_units(
        read_plan(args.plan),
        Place(args.store),
        resources,
        args.address,
        lambda text: print(f"caststream: {text}", file=sys.stderr),
    )
    for failure in ran.failed:
        print(f"caststream: {failure.what}: {failure.why}", file=sys.stderr)
    print(f"{ran.done} units done, {ran.known} known, {len(ran.failed)} failed")
    return ran.failed[0].exit_code if ran.failed else 0


def _merge(args: argparse.Namespace) -> int:
    from caststream.archive.merge import CROWDED, merge
    from caststream.archive.plan import read_plan
    from caststream.store.places import Place, is_remote

    if is_remote(args.into):
        raise UsageError(f"--into {args.into}: a store is a folder of this machine")
    done = merge(read_plan(args.plan), Place(args.store), args.into)
    for uri in done.waiting:
        print(f"caststream: not whole yet, left for later: {uri}", file=sys.stderr)
    if done.join < CROWDED:
        print(
            f"caststream: there was no room for all looks, and what is {done.join:.2f} alike fell"
            " together: merge show by show",
            file=sys.stderr,
        )
    print(
        f"{done.films} films of {done.units} units came in, {done.known} were known, "
        f"{len(done.waiting)} are not whole yet; {done.stitched} shots stitched: {args.into}"
    )
    return 0


ARCHIVE = Command(
    "Label more films than one machine can: plan, unit, run, merge.",
    _arguments,
    _act,
    lambda: EPILOG,
)
