"""The command line: what to say, which parts to call, and how to end.

Nothing heavy is imported before it is known what is wanted, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from caststream.errors import CaststreamError, NodeError, OutputError, UsageError

if TYPE_CHECKING:
    from caststream.messages import Context

EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141
DEFAULT_STORE = "caststream.zarr"

EPILOG = """\
commands (each has its own --help):
  export STORE     write what a store holds, with final labels
  info STORE       what a store holds, in a few lines
  eval TRUTH LABELS  how well labels agree with a truth file
  name STORE c3 "Bunny"
                   say who is who; also merge, split, move, not-this, ignore, undo, log;
                   a running stream takes it up at once
  tune STORE       fine-tune on what a store holds
  models STORE     list published models; --rollback N returns to one
  graph FILE|NAME  print a checked graph
  nodes            list the nodes that graphs are made of

exit codes:
  0 done   1 internal error   2 wrong usage   3 input cannot be read   4 no video in it
  5 store cannot be used   6 output cannot be written   7 model cannot be had
  130 interrupted (what was seen is saved)   141 the reader of the labels went away

examples:
  caststream film.mp4 > labels.ndjson
  caststream --store show.zarr episode2.mkv --labels episode2.ndjson
  ffmpeg -i srt://host:9000 -c copy -f mpegts - | caststream --graph live > labels.ndjson
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(
        level=logging.WARNING, format="caststream: %(message)s", stream=sys.stderr, force=True
    )
    command: Callable[[list[str]], int] = _stream
    if words and words[0] in _COMMANDS:
        command = _COMMANDS[words.pop(0)]
    try:
        return command(words)
    except CaststreamError as error:
        if os.environ.get("CASTSTREAM_DEBUG"):
            raise
        said: BaseException = error
        if isinstance(error, NodeError) and isinstance(error.cause, CaststreamError):
            said = error.cause  # a sentence made for people says itself where it is wrong
        print(f"caststream: {said}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("caststream: aborted; what was committed before is in the store", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes standard output on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_READER_GONE
    except OSError as error:
        print(f"caststream: {error}", file=sys.stderr)
        return OutputError.exit_code
    except Exception as error:
        if os.environ.get("CASTSTREAM_DEBUG"):
            raise
        print(
            f"caststream: internal error: {type(error).__name__}: {error}"
            " (CASTSTREAM_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        return 1


# --- the stream --------------------------------------------------------------------------------


def _stream_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="caststream",
        description="Find, follow, learn and label the characters of animated video.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source", nargs="?", help="file, address or - for standard input (default: what is piped)"
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
    return parser


def _stream(words: list[str]) -> int:
    parser = _stream_parser()
    args = parser.parse_args(words)
    if args.source is None:
        if sys.stdin is None or sys.stdin.isatty():
            parser.print_help()
            return 0
        args.source = "-"
    if not (args.device in ("auto", "cpu") or args.device.split(":")[0] == "cuda"):
        raise UsageError(f"--device {args.device}: give auto, cpu, cuda or cuda:N")

    from caststream.graph.interrupts import interrupts
    from caststream.graph.runner import Run
    from caststream.graph.spec import load_graph
    from caststream.messages import Context
    from caststream.nodes import catalogue

    settings = [
        *([f"detect.model={args.detector}"] if args.detector else []),
        *([f"embed.model={args.embedder}"] if args.embedder else []),
        *(["learn.pace=stream"] if args.reproducible else []),
        *args.set,
    ]
    graph = load_graph(args.graph or "archive", catalogue(), settings)
    keeps = any(step.name == "save" for step in graph.steps)
    context = Context(
        uri=args.source,
        store=(args.store or DEFAULT_STORE) if keeps else None,
        labels=args.labels,
        graph=graph.name,
        again=args.again,
        device=args.device,
        quiet=args.quiet,
    )
    if context.store and not args.quiet:
        print(f"caststream: store {context.store}", file=sys.stderr)
    run = Run(graph, context)
    context.stop = run.stop
    with interrupts(run):
        run.run()
    return _ended(context, run.interrupted)


def _ended(context: Context, interrupted: bool) -> int:
    if context.reader_gone:
        print(
            "caststream: the reader of the labels went away; what was seen is saved",
            file=sys.stderr,
        )
        # Python would complain once more when it flushes standard output on its way out.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_READER_GONE
    return EXIT_INTERRUPTED if interrupted else 0


# --- the other commands ------------------------------------------------------------------------


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"caststream {name}", description=description)


def _export(words: list[str]) -> int:
    parser = _parser("export", "Write what a store holds, with final labels everywhere.")
    parser.add_argument("store")
    parser.add_argument("--to", choices=["ndjson"], default="ndjson")
    parser.add_argument("--out", metavar="FILE", help="default: standard output")
    parser.add_argument("--source", type=int, help="only this source (see info)")
    args = parser.parse_args(words)
    from caststream.export.ndjson import export_ndjson

    if args.out is None:
        export_ndjson(args.store, sys.stdout, source=args.source)
        sys.stdout.flush()
        return 0
    try:
        with open(args.out, "w", encoding="utf-8") as out:  # noqa: PTH123
            export_ndjson(args.store, out, source=args.source)
    except OSError as error:
        raise OutputError(f"cannot write {args.out}: {error.strerror}") from error
    return 0


def _info(words: list[str]) -> int:
    parser = _parser("info", "Tell what a store holds.")
    parser.add_argument("store")
    args = parser.parse_args(words)
    from caststream.export.info import render, store_info

    print(render(store_info(args.store)))
    return 0


def _eval(words: list[str]) -> int:
    parser = _parser("eval", "Tell how well labels agree with a truth file.")
    parser.add_argument("truth")
    parser.add_argument("labels", help="a label stream, or - for standard input")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    parser.add_argument("--report", metavar="FILE", help="write a page with figures and curves")
    parser.add_argument("--store", help="where the labels came from: pictures for the report")
    args = parser.parse_args(words)
    from caststream.evaluation.report import evaluate_files, render

    evaluation = evaluate_files(args.truth, args.labels, args.store)
    if args.report:
        from caststream.evaluation.html import write_report

        write_report(evaluation, args.report)
    if args.json:
        import json

        print(json.dumps(evaluation.as_dict()))
    else:
        print(render(evaluation))
    return 0


def _graph(words: list[str]) -> int:
    parser = _parser("graph", "Check a graph file and print its tree.")
    parser.add_argument("graph", metavar="FILE|NAME")
    parser.add_argument("--set", metavar="NODE.KEY=VALUE", action="append", default=[])
    args = parser.parse_args(words)
    from caststream.graph.describe import describe
    from caststream.graph.spec import load_graph
    from caststream.nodes import catalogue

    print(describe(load_graph(args.graph, catalogue(), args.set)))
    return 0


def _nodes(words: list[str]) -> int:
    _parser("nodes", "List the nodes that graphs are made of.").parse_args(words)
    from caststream.graph.describe import describe_nodes
    from caststream.nodes import catalogue

    print(describe_nodes(catalogue()))
    return 0


def _people(command: str) -> Callable[[list[str]], int]:
    def run(words: list[str]) -> int:
        from caststream import people

        return people.run(command, words)

    return run


def _upkeep(command: str) -> Callable[[list[str]], int]:
    def run(words: list[str]) -> int:
        from caststream import upkeep

        return {"tune": upkeep.tune, "models": upkeep.models}[command](words)

    return run


_PEOPLE = ("name", "merge", "split", "move", "not-this", "ignore", "undo", "log")
_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "export": _export,
    "info": _info,
    "eval": _eval,
    "graph": _graph,
    "nodes": _nodes,
    **{command: _people(command) for command in _PEOPLE},
    **{command: _upkeep(command) for command in ("tune", "models")},
}
