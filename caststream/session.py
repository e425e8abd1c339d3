"""Several sources in one process: one graph, one store, one dictionary, one label stream.

Each source has a run and a thread of its own, so that one that fails or lags does not touch the
others. They share through the pool what is dear: models (what several ask for at once becomes one
batch), the writer of the store, the learning loop, the output.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from caststream.errors import CaststreamError, NodeError, StoreError, UsageError
from caststream.graph.runner import Run
from caststream.graph.spec import Graph
from caststream.messages import Context, uri_text
from caststream.nodes.look import look
from caststream.pool import Pool
from caststream.store.control import Control
from caststream.store.writer import StoreWriter
from caststream.vitals import Vitals

_log = logging.getLogger(__name__)
_GRACE = 2.0
"""Seconds that the threads of an aborted session get to come back."""


class Stream:
    """One source in a session."""

    def __init__(self, graph: Graph, context: Context, work: Callable[[Stream], None]) -> None:
        self.context = context
        self.run = Run(graph, context)
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.thread = threading.Thread(
            target=work, args=(self,), name=f"caststream-{context.uri}", daemon=True
        )

    @property
    def uri(self) -> str:
        """The source, as it was given."""
        return self.context.uri


class Session:
    """Sources that are added, run beside each other, and end.

    ``like`` says everything but the source: store, labels, device. Safe for several threads.
    """

    def __init__(self, graph: Graph, like: Context) -> None:
        self.vitals = Vitals()
        self.vitals.store = like.store
        self.interrupted = False
        self.reader_gone = False
        self._graph = graph
        self._pool = Pool(keep=True)
        self._like = dataclasses.replace(
            like, process=self.vitals, pool=self._pool, answer=self.answer
        )
        self._streams: list[Stream] = []
        self._changed = threading.Condition()
        self._aborted = False
        self.stopping = threading.Event()
        """Set once all are asked to end."""

    def take_store(self) -> None:
        """Take the store before the first source does, and keep it between two of them.

        Raises as ``StoreWriter.open`` does.
        """
        store = self._like.store
        assert store is not None, "a session without a store has none to take"
        self._pool.lease(("writer", store), lambda: StoreWriter.open(store))
        self._pool.lease(("control", store), lambda: Control(store, self.answer))

    def run(self, uris: Sequence[str]) -> None:
        """Run sources until the last has ended, those that were added meanwhile included.

        Where one alone was asked for, what it fails with is raised; of several each failure is
        told when it happens, and the first is raised when all have ended.
        """
        if len(set(uris)) != len(uris):
            raise UsageError("a source is named twice: give each once")
        self.vitals.many = len(uris) > 1
        streams = [self.begin(uri) for uri in uris]
        with self._changed:
            while self._streams and not self._aborted:
                self._changed.wait()
        if self._aborted:
            raise KeyboardInterrupt
        for stream in streams:
            if stream.error is not None:
                raise stream.error

    def begin(self, uri: str, *, quiet: bool | None = None) -> Stream:
        """Begin a source on a thread of its own."""
        with self._changed:
            context = dataclasses.replace(
                self._like,
                uri=uri,
                models={},
                vitals=self.vitals.source(uri_text(uri)),
                stopping=threading.Event(),
                quiet=self._like.quiet if quiet is None else quiet,
                video=self._like.video if quiet is None else None,  # it shows the first source
            )
            stream = Stream(self._graph, context, self._work)
            context.stop = self.stop  # a reader that went away is gone for all
            self._streams.append(stream)
            if self.interrupted:
                stream.run.stop()
        stream.thread.start()
        return stream

    def finish(self, stream: Stream) -> None:
        """Wait for one source; raises what it failed with."""
        stream.done.wait()
        if stream.error is not None:
            raise stream.error

    def answer(self, question: dict[str, Any]) -> Any:
        """What the control socket asks for: vitals, look, add, remove, compact."""
        what, uri = question.get("do"), question.get("uri")
        if what == "vitals":
            return self.vitals.snapshot()
        if what == "look":
            return look(self.vitals, question.get("known"))
        if what == "compact":
            return self._compact(question.get("keep"))
        if what not in ("add", "remove"):
            raise UsageError(f"there is nothing to do called {what!r}")
        if not isinstance(uri, str) or not uri:
            raise UsageError("name a source")
        if what == "add":
            self.add(uri)
            return f"{uri_text(uri)} was added"
        return f"{uri_text(uri)} {'ends' if self.remove(uri) else 'had failed, and is forgotten'}"

    def _compact(self, keep: Any) -> str:
        from caststream.store.compact import compact

        store = self._like.store
        assert store is not None, "who has no store is not asked"
        key = ("writer", store)
        writer = self._pool.lease(key, lambda: StoreWriter.open(store))
        try:
            return str(compact(writer, keep if isinstance(keep, float | int) else None))
        finally:
            self._pool.release(key)

    def add(self, uri: str) -> None:
        """Begin one more source; StoreError where it runs already, or all are ending."""
        if self.interrupted:
            raise StoreError("the stream is ending: nothing is added any more")
        with self._changed:
            running = {_whole(stream.uri) for stream in self._streams}
        if uri == "-":
            raise StoreError("standard input can only be given when the stream is started")
        if _whole(uri) in running:
            raise StoreError(f"{uri_text(uri)} is running already")
        self.vitals.many = True
        self.begin(uri, quiet=True)

    def remove(self, uri: str) -> bool:
        """Let a source, by its address or its number in the store, end normally.

        One that failed is forgotten: then False. StoreError where there is neither.
        """

        def meant(address: str, number: int | None) -> bool:
            same = _whole(uri) == _whole(address) or uri == uri_text(address)
            return same or (number is not None and uri == str(number))

        with self._changed:
            found = [s for s in self._streams if meant(s.uri, s.context.vitals.id)]
        for stream in found:
            stream.run.stop()
        failed = [s for s in self.vitals.sources if s.state == "failed" and meant(s.uri, s.id)]
        if not found and not failed:
            raise StoreError(f"{uri_text(uri)} is not running")
        for source in failed:
            self.vitals.forget(source)
        return bool(found)

    def stop(self) -> None:
        """Let all sources end normally."""
        self.interrupted = True
        self.stopping.set()
        for stream in self._streams.copy():
            stream.run.stop()

    def abort(self) -> None:
        """End all at once: what has not been written is lost."""
        self.interrupted = self._aborted = True
        self.stopping.set()
        for stream in self._streams.copy():
            stream.run.abort()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of what the sources shared."""
        if self._aborted:
            for stream in self._streams.copy():
                stream.thread.join(_GRACE)
        if not self._streams:  # else it is still in use by a thread that is left behind
            self._pool.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self, stream: Stream) -> None:
        """The life of one source, on its thread."""
        why = ""
        try:
            stream.run.run()
        except BaseException as error:
            stream.error = error
            why = sentence(error)
            if self.vitals.many and not isinstance(error, KeyboardInterrupt):
                _log.error("%s: %s", uri_text(stream.uri), why)
        self.vitals.finish(stream.context.vitals, why)
        self.reader_gone = self.reader_gone or stream.context.reader_gone
        with self._changed:
            self._streams.remove(stream)
            stream.done.set()
            self._changed.notify_all()


def _whole(uri: str) -> str:
    """An address by which a source is known in all folders."""
    return uri if "://" in uri or uri == "-" else str(Path(uri).resolve())


def sentence(error: BaseException) -> str:
    """What is said of a failure: its own sentence where it was made for people."""
    if isinstance(error, NodeError) and isinstance(error.cause, CaststreamError):
        return str(error.cause)
    return str(error) or type(error).__name__
