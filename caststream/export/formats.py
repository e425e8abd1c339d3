"""The map of the forms that a store can be written in, and how the files come to be.

Nothing heavy is imported here: ``caststream export --help`` lists the forms.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from caststream.errors import OutputError, UsageError

if TYPE_CHECKING:
    from caststream.export.view import StoreView


_ODD = "backslashreplace"
"""Bytes in names of films that are no UTF-8 become escapes, which JSON reads as what they are."""


@dataclass(frozen=True, slots=True)
class Format:
    """One form."""

    where: str
    """"module:function" below ``caststream.export``."""
    kind: Literal["store", "film", "folder"]
    """``store``: one file for all films, ``film``: one file a film, ``folder``: many files."""
    suffix: str
    says: str
    extra: str | None = None
    """Extra of this package that brings the library it needs."""
    binary: bool = False

    def load(self) -> Callable[..., None]:
        """Import the function; UsageError where the extra is not installed."""
        module, _, name = self.where.partition(":")
        try:
            function: Callable[..., None] = getattr(
                importlib.import_module(f"caststream.export.{module}"), name
            )
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise UsageError(
                f"this form needs {error.name}: pip install 'caststream[{self.extra}]'"
            ) from error
        return function


FORMATS = {
    "ndjson": Format(
        "ndjson:write", "store", ".ndjson", "the label stream, final names everywhere"
    ),
    "csv": Format("tables:write_csv", "store", ".csv", "one line a box"),
    "parquet": Format(
        "parquet:write", "store", ".parquet", "one line a box, typed", "parquet", binary=True
    ),
    "coco": Format("coco:write", "store", ".json", "boxes by picture, with tracks (COCO)"),
    "mot": Format("mot:write", "folder", "", "tracks (MOTChallenge), with a map of who is who"),
    "cvat": Format("cvat:write", "film", ".xml", "tracks to correct in CVAT (for video 1.1)"),
    "label-studio": Format(
        "label_studio:write", "store", ".json", "tracks to correct in Label Studio"
    ),
    "vtt": Format("vtt:write", "film", ".vtt", "who is on screen, as a metadata track (WebVTT)"),
    "srt": Format("subtitles:write_srt", "film", ".srt", "names as subtitles", "subtitles"),
    "ass": Format(
        "subtitles:write_ass", "film", ".ass", "names that move with the characters", "subtitles"
    ),
    "otio": Format(
        "timeline:write_otio", "film", ".otio", "shots and characters (OpenTimelineIO)", "timeline"
    ),
    "fcpxml": Format(
        "timeline:write_fcp", "film", ".xml", "the same for Final Cut Pro 7, Premiere", "timeline"
    ),
    "edl": Format(
        "timeline:write_edl", "film", ".edl", "the same as an EDL (CMX 3600)", "timeline"
    ),
    "chapters": Format(
        "chapters:write", "film", ".xml", "a chapter a shot (Matroska, for mkvmerge)"
    ),
    "images": Format("images:write", "folder", "", "a folder of pictures a character"),
    "collage": Format("collage:write", "folder", "", "a collage a character, to look at"),
    "gallery": Format(
        "gallery:write", "folder", "", "gallery, head, classifier (safetensors, JSON)"
    ),
}


def export(store: str | Path, form: str, out: str | None, source: int | None = None) -> None:
    """Write a store in a form of ``FORMATS`` to a file, a folder, or standard output (None, "-").

    Raises UsageError for targets that cannot be meant, OutputError for what cannot be written,
    StoreError for a store that cannot be read. A file is replaced only when it is whole.
    """
    from caststream.export.view import StoreView

    format = FORMATS[form]
    write = format.load()
    out = None if out == "-" else out
    if format.kind == "folder" and out is None:
        raise UsageError(f"{form} is a folder of files: say where with --out FOLDER")
    with StoreView(store, source) as view:
        if format.kind == "folder":
            with _told(str(out)):
                write(view, _empty_folder(Path(str(out))))
            return
        films = view.films
        if format.kind == "store":
            jobs: list[tuple[Any, str | None]] = [(view, out)]
        elif out is not None and (len(films) != 1 or Path(out).is_dir()):
            jobs = list(zip(films, _names(view, Path(out), format.suffix), strict=True))
        elif len(films) == 1:
            jobs = [(films[0], out)]
        else:
            raise UsageError(_which(view, form))
        for what, target in jobs:
            with _opened(target, format.binary) as file:
                write(what, file)


def _which(view: StoreView, form: str) -> str:
    if not view.films:
        return f"{view.path} holds no film yet"
    return (
        f"{view.path} holds {len(view.films)} films, and {form} is one file a film: choose one with"
        " --source, or give a folder with --out"
    )


def _names(view: StoreView, folder: Path, suffix: str) -> list[str]:
    """A path a film."""
    if not view.films:
        raise UsageError(f"{view.path} holds no film yet")
    with _told(str(folder)):
        if folder.exists() and not folder.is_dir():
            raise UsageError(
                f"{folder} is a file, and {view.path} holds {len(view.films)} films: choose one"
                " with --source, or give a folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
    return [str(folder / f"{stem}{suffix}") for stem in view.stems]


def _empty_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: what it holds would be mixed up with the export")
    return folder


@contextlib.contextmanager
def _opened(target: str | None, binary: bool) -> Iterator[IO[Any]]:
    if target is None:
        yield from _standard_output(binary)
        return
    path = Path(target)
    with _told(target):
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            # A pipe or device: nothing can be put in its place.
            with _handle(path, binary) as file:
                yield file
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with _handle(draft, binary) as file:
                yield file
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _standard_output(binary: bool) -> Iterator[IO[Any]]:
    if sys.stdout is None:
        raise OutputError("standard output is closed: give --out FILE")
    if binary:
        if sys.stdout.isatty():
            raise UsageError("this form is not text: give --out FILE, or pipe it somewhere")
        yield sys.stdout.buffer
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors=_ODD, newline="\n")
        yield sys.stdout
    sys.stdout.flush()


def _handle(path: Path, binary: bool) -> IO[Any]:
    if binary:
        return path.open("wb")
    return path.open("w", encoding="utf-8", errors=_ODD, newline="\n")


@contextlib.contextmanager
def _told(target: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
