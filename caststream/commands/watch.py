"""Labelling every film that comes into a folder, once."""

from __future__ import annotations

import argparse
import logging

from caststream.commands import Command
from caststream.commands.graphs import (
    DEFAULT_STORE,
    graph_arguments,
    graph_of,
    observed,
    set_up_logging,
    tell,
)
from caststream.errors import EXIT_INTERRUPTED, GraphError, UsageError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders, with all below them")
    parser.add_argument("--store", default=DEFAULT_STORE, help=f"default: {DEFAULT_STORE}")
    parser.add_argument("--newest", action="store_true", help="newest films first, not oldest")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do")
    parser.add_argument("--retry", action="store_true", help="try again what was set aside")
    parser.add_argument(
        "--settle",
        metavar="S",
        type=float,
        default=10.0,
        help="seconds that a file must not have changed before it is taken (default: 10)",
    )
    parser.add_argument(
        "--every",
        metavar="S",
        type=float,
        default=30.0,
        help="seconds between two looks where nobody tells of changes (default: 30)",
    )
    parser.add_argument(
        "--room",
        metavar="MIB",
        type=int,
        default=512,
        help="wait while less is free on the store's disk (default: 512)",
    )
    graph_arguments(parser)


def _run(args: argparse.Namespace) -> int:
    if args.settle < 0 or args.every <= 0:
        raise UsageError("--settle and --every are seconds: give more than 0")
    set_up_logging(args)
    if not args.quiet:
        logging.getLogger("caststream.watch").setLevel(logging.INFO)
    from caststream.graph.interrupts import interrupts
    from caststream.messages import Context
    from caststream.session import Session
    from caststream.watch.watcher import Watch, Watcher

    graph = graph_of(args, f"save.room={args.room}")
    if not any(step.name == "save" for step in graph.steps):
        raise GraphError(f"the graph {graph.name} keeps nothing: watching needs the node save")
    if args.labels is None:
        graph = graph.without("print")  # labels of an archive are exported when they are wanted
    watch = Watch(
        tuple(args.folders), args.store, args.newest, args.settle, args.every, args.once, args.retry
    )
    like = Context(
        store=args.store, labels=args.labels, graph=graph.name, device=args.device, quiet=True
    )
    with Session(graph, like) as session, interrupts(session), observed(args, session):
        watcher = Watcher(session, watch)
        tell(args, f"store {args.store}")
        watcher.run()
        return EXIT_INTERRUPTED if session.interrupted else 0


WATCH = Command("Label every film that comes into a folder, each once.", _arguments, _run)
