"""The loop over an archive: look, take what is ready, one film after the other, note its fate."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from caststream.errors import InputError, NodeError, UsageError
from caststream.media.fingerprint import fingerprint_of
from caststream.session import Session, sentence
from caststream.store.journal import Fate, Journal
from caststream.store.reader import StoreReader
from caststream.watch.folders import Bell, Complaints, File, Queue, Settling, films

_log = logging.getLogger(__name__)

_TRIES = 3
"""Times that the process may die over a file before the file is set aside."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How an archive is watched."""

    folders: tuple[str, ...]
    store: str
    newest: bool = False
    """Newest first rather than oldest first."""
    settle: float = 10.0
    """Seconds that a file must not have changed before it is taken."""
    every: float = 30.0
    """Seconds between two looks where nobody tells of changes."""
    once: bool = False
    """End when nothing is left to do."""
    retry: bool = False
    """Try once more what was set aside."""


class Watcher:
    """Labels every film of an archive once, in a session that holds its store."""

    def __init__(self, session: Session, watch: Watch) -> None:
        """Take the store; raises as ``StoreWriter.open`` does, UsageError for no folder."""
        for folder in watch.folders:
            if not Path(folder).is_dir():
                raise UsageError(f"{folder} is not a folder that can be watched")
        self._session = session
        self._watch = watch
        session.take_store()
        session.vitals.tolerant = True
        self._journal = Journal(watch.store)
        self._stop = session.stopping
        self._settling = Settling(watch.settle)
        self._complaints = Complaints()
        self._retried: set[str] = set()
        self._bell = Bell(watch.folders, watch.every)
        self._queue = Queue(self._look)
        self._growing = False

    def run(self) -> None:
        """Watch until the session is stopped, or, with ``once``, until nothing is left.

        Raises what keeps every film from being labelled: a full disk that is not waited for, a
        store that cannot be written, a model that is missing.
        """
        while not self._stop.is_set():
            file = self._queue.take()
            self._session.vitals.facts["waiting"] = len(self._queue) + (file is not None)
            if file is not None:
                self._take(file)
            elif self._watch.once and not self._growing:
                return
            else:
                pause = self._watch.settle if self._growing else self._watch.every
                self._bell.wait(pause, self._stop)

    def _look(self) -> list[File]:
        """Films that may be taken, the next one first; notes whether others are still written."""
        found = films(self._watch.folders, self._complaints)
        new = [file for file in found if self._wanted(file)]
        self._complaints.looked()
        ready = self._settling.settled(new)
        ready.sort(key=lambda file: file.changed, reverse=self._watch.newest)
        facts = self._session.vitals.facts
        facts["growing"] = len(new) - len(ready)
        facts["set aside"] = len(self._journal.of("bad"))
        self._growing = len(new) > len(ready)
        return ready

    def _wanted(self, file: File) -> bool:
        entry = self._journal.get(file.path, file.size, file.changed)
        if entry is None or entry.fate == "begun":
            return True
        return entry.fate == "bad" and self._watch.retry and file.path not in self._retried

    def _take(self, file: File) -> None:
        self._retried.add(file.path)
        entry = self._journal.get(file.path, file.size, file.changed)
        tries = entry.tries if entry is not None and entry.fate == "begun" else 0
        try:
            known = self._known(file)
        except InputError as error:
            self._set_aside(file, str(error))
            return
        if known is not None:
            self._note(file, "known", f"source {known}")
            _log.info("%s: its content is source %d already", file.path, known)
        elif tries >= _TRIES:
            self._set_aside(file, f"the process died over it {tries} times")
        else:
            self._note(file, "begun", tries=tries + 1)
            self._label(file, tries)

    def _label(self, file: File, tries: int) -> None:
        began = time.monotonic()
        stream = self._session.begin(file.path)
        try:
            self._session.finish(stream)
        except NodeError as error:
            if isinstance(error.cause, InputError) or error.exit_code == 1:
                self._set_aside(file, sentence(error))
                return
            raise
        if stream.run.interrupted:
            if self._stop.is_set():
                # Labelled anew from its beginning next time; that we were ended is not its fault.
                self._note(file, "begun", tries=tries)
            else:
                self._set_aside(file, "it was taken away while it was labelled")
            return
        self._note(file, "done", f"source {stream.context.source}")
        _log.info("%s: done in %.1f s", file.path, time.monotonic() - began)

    def _known(self, file: File) -> int | None:
        """The source that has this content to its end, if any."""
        print_ = fingerprint_of(file.path)
        with StoreReader(self._watch.store) as reader:
            for source in reader.sources():
                if source.complete and source.start.fingerprint == print_:
                    return source.id
        return None

    def _set_aside(self, file: File, why: str) -> None:
        self._note(file, "bad", why)
        _log.error("%s was set aside: %s (--retry tries it again)", file.path, why)

    def _note(self, file: File, fate: Fate, why: str = "", tries: int = 0) -> None:
        self._journal.note(file.path, file.size, file.changed, fate, why, tries)
