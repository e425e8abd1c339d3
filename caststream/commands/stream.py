"""What runs where no command is named: the stream itself."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from caststream.commands import COMMANDS, Command, load
from caststream.errors import EXIT_INTERRUPTED, EXIT_READER_GONE, UsageError

if TYPE_CHECKING:
    from caststream.session import Session

DEFAULT_STORE = "caststream.zarr"

_EPILOG = """\
commands (each has its own --help):
{commands}

exit codes:
  0 done   1 internal error   2 wrong usage   3 input cannot be read   4 no video in it
  5 store cannot be used   6 output cannot be written   7 model cannot be had
  130 interrupted (what was seen is saved)   141 the reader of the labels went away

examples:
  caststream film.mp4 > labels.ndjson
  caststream --store show.zarr episode2.mkv --labels episode2.ndjson
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
    parser.add_argument("--labels", metavar="FILE", help="write labels here, not to stdout")
    parser.add_argument(
        "--graph", metavar="FILE|NAME", help="archive (the default), live, shots, or a file"
    )
    parser.add_argument(
        "--set",
        metavar="NODE.KEY=VALUE",
        action="append",
        default=[],
        help="one argument of one node, e.g. detect.rate=6 (repeatable)",
    )
    parser.add_argument(
        "--detector",
        metavar="MODEL",
        help="another detector: a path, torchvision:NAME, onnx:PATH or hf:MODEL",
    )
    parser.add_argument(
        "--embedder",
        metavar="MODEL",
        help="another embedder: a path, timm:NAME, torchvision:NAME, onnx:PATH or hf:MODEL",
    )
    parser.add_argument(
        "--reproducible",
        action="store_true",
        help="tie learning to the stream's time, so that two runs say the same (archive does)",
    )
    parser.add_argument(
        "--again", action="store_true", help="label a source anew that the store already holds"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda[:n] (default: auto)")
    parser.add_argument("--quiet", action="store_true", help="nothing on standard error but errors")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('caststream')}")
    parser.set_defaults(print_help=parser.print_help)


def _run(args: argparse.Namespace) -> int:
    if not args.source:
        if sys.stdin is None or sys.stdin.isatty():
            args.print_help()
            return 0
        args.source = ["-"]
    if not (args.device in ("auto", "cpu") or args.device.split(":")[0] == "cuda"):
        raise UsageError(f"--device {args.device}: give auto, cpu, cuda or cuda:N")

    from caststream.graph.interrupts import interrupts
    from caststream.graph.spec import load_graph
    from caststream.messages import Context
    from caststream.nodes import catalogue
    from caststream.session import Session

    settings = [
        *([f"detect.model={args.detector}"] if args.detector else []),
        *([f"embed.model={args.embedder}"] if args.embedder else []),
        *(["learn.pace=stream"] if args.reproducible else []),
        *args.set,
    ]
    graph = load_graph(args.graph or "archive", catalogue(), settings)
    keeps = any(step.name == "save" for step in graph.steps)
    context = Context(
        store=(args.store or DEFAULT_STORE) if keeps else None,
        labels=args.labels,
        graph=graph.name,
        again=args.again,
        device=args.device,
        quiet=args.quiet,
    )
    if context.store and not args.quiet:
        print(f"caststream: store {context.store}", file=sys.stderr)
    with Session(graph, context) as session, interrupts(session):
        session.run(args.source)
    return _ended(session)


def _ended(session: Session) -> int:
    if session.reader_gone:
        print(
            "caststream: the reader of the labels went away; what was seen is saved",
            file=sys.stderr,
        )
        # Python would complain once more when it flushes standard output on its way out.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_READER_GONE
    return EXIT_INTERRUPTED if session.interrupted else 0


STREAM = Command(
    "Find, follow, learn and label the characters of animated video.", _arguments, _run, _epilog
)
