"""Commits, seals, crashes and readers in any order."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from made_stores import check_commit, end, mined, shot, start

from caststream.messages import Mined
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter


class Growing(RuleBasedStateMachine):
    """Any order of commits, seals, reopenings and refreshes; one reader looks on all the time."""

    folder = None

    @initialize()
    def begin(self):
        type(self).count = getattr(type(self), "count", 0) + 1
        self.path = self.folder / str(self.count)
        self.writer = StoreWriter.open(self.path)
        self.reader = StoreReader(self.path)
        self.source: int | None = None
        self.said: list[tuple[int, int, Mined]] = []
        self.seen = -1

    @rule(name=st.sampled_from("abc"))
    def source_begins(self, name):
        if self.source is not None:
            self.writer.leave_source(self.source)  # it broke off
        self.source = self.writer.begin_source(start(name), again=True)

    @precondition(lambda self: self.source is not None)
    @rule(tracks=st.integers(0, 3))
    def shot_ends(self, tracks):
        index = len(self.said)
        what = mined(index, tracks=tracks, seed=self.source)
        number = self.writer.commit(shot(index), [what], [])
        self.said.append((number, self.source, what))

    @precondition(lambda self: self.source is not None)
    @rule()
    def source_ends(self):
        self.writer.end_source(end(1))
        self.source = None

    @rule()
    def seals(self):
        self.writer.seal()

    @rule(torn=st.binary(max_size=40))
    def crashes(self, torn):
        """The writer is gone between two commits, or in the middle of one."""
        self.writer._lock.release()
        (log,) = (self.path / "log").iterdir()
        with log.open("ab") as file:
            file.write(torn)
        self.writer = StoreWriter.open(self.path)
        self.source = None

    @rule()
    def looks(self):
        self.reader.refresh()
        gone = self.reader.superseded()
        new = [s for s in self.said if s[0] > self.seen and s[1] not in gone]
        for commit, (number, source, what) in zip(self.reader.since(self.seen), new, strict=True):
            assert (commit.number, commit.source) == (number, source)
            check_commit(commit, source, what)
        self.seen = self.reader.last_commit

    @invariant()
    def a_new_reader_sees_all(self):
        with StoreReader(self.path) as reader:
            assert reader.row_count == sum(len(what.tracks.rows) for _, _, what in self.said)

    def teardown(self):
        if hasattr(self, "writer"):
            self.looks()
            self.reader.close()
            self.writer.close()


def test_any_order_of_events(tmp_path):
    Growing.folder = tmp_path
    run_state_machine_as_test(
        Growing,
        settings=settings(
            max_examples=10,
            stateful_step_count=10,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
