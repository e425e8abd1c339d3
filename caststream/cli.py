"""The command line: which command is meant, and how to end."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from caststream.commands import COMMANDS, parser_of
from caststream.errors import (
    EXIT_INTERRUPTED,
    EXIT_READER_GONE,
    CaststreamError,
    NodeError,
    OutputError,
    UsageError,
)

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _stand_in()
    logging.basicConfig(
        level=logging.WARNING, format="caststream: %(message)s", stream=sys.stderr, force=True
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names are in any script, and the terminal's locale may not know it.
        sys.stdout.reconfigure(errors="backslashreplace")
    name = words.pop(0) if words and words[0] in COMMANDS else None
    try:
        _check_word(name, words)
        args = parser_of(name).parse_args(words)
        code: int = args.run(args)
        return code
    except CaststreamError as error:
        if os.environ.get("CASTSTREAM_DEBUG"):
            raise
        said: BaseException = error
        if isinstance(error, NodeError) and isinstance(error.cause, CaststreamError):
            said = error.cause  # a sentence made for people says itself where it is wrong
        _log.error("%s", said)
        return error.exit_code
    except KeyboardInterrupt:
        _log.error("aborted; what was committed before is in the store")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes standard output on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_READER_GONE
    except OSError as error:
        _log.error("%s", error)
        return OutputError.exit_code
    except Exception as error:
        if os.environ.get("CASTSTREAM_DEBUG"):
            raise
        _log.error(
            "internal error: %s: %s (CASTSTREAM_DEBUG=1 shows where)", type(error).__name__, error
        )
        return 1


def _stand_in() -> None:
    """Put the null device in the place of standard streams that are closed.

    Else the next file that is opened gets their number, and what libraries say goes into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is free
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as the process lives)


def _check_word(name: str | None, words: list[str]) -> None:
    """Say so where a mistyped command would be taken for a film."""
    first = words[0] if words else "-"
    if name is not None or first.startswith("-") or "://" in first or Path(first).exists():
        return
    near = get_close_matches(first, COMMANDS, n=1, cutoff=0.7)
    if near:
        raise UsageError(f'there is no file or command "{first}"; did you mean "{near[0]}"?')
