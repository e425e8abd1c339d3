"""What runs where no command is named: the stream itself."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from caststream.commands import COMMANDS, Command, load
from caststream.commands.graphs import (
    DEFAULT_STORE,
    graph_arguments,
    graph_of,
    observed,
    set_up_logging,
    tell,
)
from caststream.errors import EXIT_INTERRUPTED, EXIT_READER_GONE, UsageError

if TYPE_CHECKING:
    from caststream.messages import Context
    from caststream.session import Session
    from caststream.web.beside import Beside

_log = logging.getLogger(__name__)
_EPILOG = """\
commands (each has its own --help):
{commands}

exit codes:
  0 done   1 internal error   2 wrong usage   3 input cannot be read   4 no video in it
  5 store cannot be used   6 output cannot be written   7 model cannot be had
  130 interrupted (what was seen is saved)   141 the reader of the output went away

examples:
  caststream film.mp4 > labels.ndjson
  caststream --store show.zarr episode2.mkv --labels episode2.ndjson
  caststream < film.mp4 --video - | ffplay -
  ffmpeg -i srt://host:9000 -c copy -f mpegts - | caststream --graph live > labels.ndjson
"""


def _epilog() -> str:
    lines = [f"  {name:<9} {load(where).description}" for name, where in COMMANDS.items()]
    return _EPILOG.format(commands="\n".join(lines))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="*",
        help="files, addresses or - for standard input (default: what is piped)",
    )
    parser.add_argument(
        "--store",
        metavar="PATH",
        help=f"where tracks and the dictionary are kept (default: {DEFAULT_STORE})",
    )
    parser.add_argument(
        "--video",
        metavar="FILE",
        help="write the film again with boxes and names; - for standard output (MPEG-TS)",
    )
    graph_arguments(parser)
    parser.add_argument(
        "--reproducible",
        action="store_true",
        help="tie learning to the stream's time, so that two runs say the same (archive does)",
    )
    parser.add_argument(
        "--again", action="store_true", help="label a source anew that the store already holds"
    )
    parser.add_argument(
        "--serve",
        metavar="PORT",
        nargs="?",
        const="8765",
        help="show the page to name characters on while the stream runs (default port: 8765);"
        " it ends with the stream",
    )
    parser.add_argument(
        "--stay", action="store_true", help="with --serve: keep the page up until Ctrl-C"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('caststream')}")
    parser.set_defaults(print_help=parser.print_help)


def _run(args: argparse.Namespace) -> int:
    if args.serve is not None and not args.serve.isdecimal():
        # argparse takes the word after --serve for its port: here that was a source.
        args.source.insert(0, args.serve)
        args.serve = "8765"
    graph = None
    if not args.source and args.graph:
        graph = graph_of(args, *_pace(args), more=_video(args))
        args.source = list(graph.sources.values())
    if not args.source:
        if sys.stdin is None or sys.stdin.isatty():
            args.print_help()
            return 0
        args.source = ["-"]
    set_up_logging(args)

    from caststream.graph.interrupts import interrupts
    from caststream.messages import Context
    from caststream.session import Session

    if args.video is not None:
        _check_video(args)
    if args.stay and args.serve is None:
        raise UsageError("--stay is for --serve: give both")
    graph = graph or graph_of(args, *_pace(args), more=_video(args))
    keeps = any(step.name == "save" for step in graph.steps)
    if args.serve is not None and not keeps:
        raise UsageError(f"--serve needs a store, and the graph {graph.name} keeps none")
    context = Context(
        store=(args.store or DEFAULT_STORE) if keeps else None,
        labels=args.labels,
        video=args.video,
        graph=graph.name,
        again=args.again,
        device=args.device,
        quiet=args.quiet or args.log_json,
    )
    if context.store:
        tell(args, f"store {context.store}")
    with _page(args, context) as page, Session(graph, context) as session:
        with interrupts(session), observed(args, session):
            session.run(args.source)
        code = _ended(session)
        if page is not None and args.stay and not session.interrupted:
            tell(args, "the stream has ended; Ctrl-C ends the page")
            page.stay()
    return code


@contextlib.contextmanager
def _page(args: argparse.Namespace, context: Context) -> Iterator[Beside | None]:
    """The page beside the stream, where one was asked for."""
    if args.serve is None:
        yield None
        return
    from caststream.web.beside import Beside

    assert context.store is not None, "was checked before"
    page = Beside(context.store, int(args.serve))
    try:
        if args.log_json:
            tell(args, f"page {page.address}")
        else:  # quiet or not: nobody could guess it
            print(f"caststream: page {page.address}", file=sys.stderr, flush=True)
        yield page
    finally:
        page.close()


def _pace(args: argparse.Namespace) -> list[str]:
    return ["learn.pace=stream"] if args.reproducible else []


def _video(args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """The node that ``--video`` adds to a graph."""
    if args.video is None:
        return {}
    if args.graph == "shots":
        raise UsageError("--video draws labels, and the graph shots makes none")
    return {"video": {"from": "label", "queue": 16}}


def _check_video(args: argparse.Namespace) -> None:
    """Say at once, before a store is made, why a video cannot be written."""
    from caststream.nodes.video import check_video

    if len(args.source) > 1:
        raise UsageError("--video shows one film: give one source")
    if args.video == args.labels:
        raise UsageError("--video and --labels cannot go to the same place")
    check_video(args.video, args.source[0])


def _ended(session: Session) -> int:
    if session.reader_gone:
        _log.warning("the reader of the output went away; what was seen is saved")
        # Python would complain once more when it flushes standard output on its way out.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_READER_GONE
    return EXIT_INTERRUPTED if session.interrupted else 0


STREAM = Command(
    "Find, follow, learn and label the characters of animated video.", _arguments, _run, _epilog
)
