"""``caststream export``: a store in the forms that other tools read."""

from __future__ import annotations

import argparse

from caststream.commands import Command
from caststream.export.formats import FORMATS, export


def _epilog() -> str:
    forms = [f"  {name:<13} {form.says}" for name, form in FORMATS.items()]
    return "\n".join(
        [
            "forms:",
            *forms,
            "",
            "Who has no name goes by an id such as c7; who is ignored counts as unknown.",
            "",
            "examples:",
            "  caststream export show.zarr --to srt --out film.srt",
            "  caststream export show.zarr --to otio --source 2 --out episode2.otio",
            "  caststream export show.zarr --to ass --out subtitles/    (a file a film)",
        ]
    )


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument(
        "--to", metavar="FORM", choices=tuple(FORMATS), default="ndjson", help="default: ndjson"
    )
    parser.add_argument(
        "--out", metavar="PATH", help="file, or folder for a file a film; default: standard output"
    )
    parser.add_argument("--source", type=int, metavar="N", help="only this film (info lists them)")


def _run(args: argparse.Namespace) -> int:
    export(args.store, args.to, args.out, args.source)
    return 0


EXPORT = Command(
    "Write what a store holds in forms that other tools read.", _arguments, _run, _epilog
)
