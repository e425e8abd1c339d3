"""What can go wrong, as one tree; each leaf carries the exit code that the program ends with.

CaststreamError           1  anything of ours that has no more special name
├── UsageError            2  a command line that cannot be meant
│   └── GraphError        2  a graph file that does not fit together
├── InputError            3  a source that cannot be opened or read
│   └── NoVideoError      4  a source that opens, and has no pictures
├── StoreError            5  a store that cannot be used as it is
│   ├── StoreLockedError  5  ... because another process writes it
│   ├── StoreVersionError 5  ... because another version wrote it
│   └── SourceKnownError  5  ... because it already holds this source
├── OutputError           6  labels or store cannot be written (disk full, read-only)
├── ModelError            7  a model or its weights cannot be had
└── NodeError             *  a failure inside a node, with its place; the code of its cause
"""

from __future__ import annotations

EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141
"""Ends that are no errors: Ctrl-C, and a reader of standard output that went away."""


class CaststreamError(Exception):
    """Base of all errors that are told to the user in one sentence, without a traceback."""

    exit_code = 1


class UsageError(CaststreamError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2


class GraphError(UsageError):
    """A graph file names unknown nodes or arguments, or joins what does not fit."""


class InputError(CaststreamError):
    """The source cannot be opened or read."""

    exit_code = 3


class NoVideoError(InputError):
    """The source opens but holds no pictures."""

    exit_code = 4


class StoreError(CaststreamError):
    """The store cannot be used as it is."""

    exit_code = 5


class StoreLockedError(StoreError):
    """Another process is writing this store."""


class StoreVersionError(StoreError):
    """The store was written by another version of the schema."""


class SourceKnownError(StoreError):
    """The store already holds this source."""


class OutputError(CaststreamError):
    """Labels or the store cannot be written."""

    exit_code = 6


class ModelError(CaststreamError):
    """A model or its weights cannot be had."""

    exit_code = 7


class NodeError(CaststreamError):
    """A failure inside a node: ``NodeError("track", "frame 812 at 32.480 s", cause)``."""

    def __init__(self, node: str, place: str, cause: BaseException) -> None:
        super().__init__(f"{node}, {place}: {cause or type(cause).__name__}")
        self.node = node
        self.place = place
        self.cause = cause
        self.exit_code = cause.exit_code if isinstance(cause, CaststreamError) else 1
