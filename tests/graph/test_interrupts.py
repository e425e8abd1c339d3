"""Ctrl-C on a real process: the first ends the stream normally, the second at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = '''
import sys, threading, time
from collections.abc import Iterator
from toys import Cut, Keep, Say, START, Through, frame, graph, indices
from caststream.graph.interrupts import interrupts
from caststream.graph.runner import Run
from caststream.graph.spec import Step
from caststream.messages import Context, Frame

def say(*words):
    print(*words, flush=True)

def frames():
    yield START
    index = 0
    while True:
        yield frame(index)
        index += 1

class Silent(Say):
    """A source that blocks until it is stopped, as one on a dead line does."""
    def produce(self) -> Iterator[Frame]:
        say("waiting")
        self.stopped.wait()
        yield from super().produce()

def stuck(message):
    if message.index == 5:
        say("stuck")
        threading.Event().wait()

def deaf(message):
    # As code that is called back from C does, whose exceptions are swallowed there.
    if message.index == 5:
        say("stuck")
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                pass

def ready(message):
    if message.index == 5:
        say("ready")

case = sys.argv[1]
source = Silent if case == "silent" else Say
each = {"stuck": stuck, "stuck in queue": stuck, "deaf": deaf}.get(case, ready)
run = Run(
    graph(
        Step("say", source, {"messages": frames()}),
        Step("cut", Cut, {"length": 4}, "say"),
        Step("hold", Through, {"hold": 9}, "cut", queue=4 if "queue" in case else 0),
        Step("keep", Keep, {}, "hold"),
        Step("early", Keep, {}, "hold" if "queue" in case else "say"),
    ),
    Context(),
)
run.nodes["hold"].hold = 2
run.nodes["early"].each = each
try:
    with interrupts(run, grace=float(sys.argv[2])):
        run.run()
    seen = indices(run.nodes["keep"].seen)
    say("ended", *seen[-2:], len([s for s in seen if isinstance(s, int)]) > 5)
except KeyboardInterrupt:
    say("aborted")
say(*(node.log[-1] for node in run.nodes.values()))
sys.exit(130 if run.interrupted else 0)
'''


@pytest.fixture(autouse=True)
def terminal():
    """Programs that are started take a hang-up as from a terminal, whoever runs the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which children inherit
    yield
    signal.signal(signal.SIGHUP, before)


@contextmanager
def program(case: str, grace: float = 30.0) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, case, str(grace)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def lines_after(started: subprocess.Popen[str], first: str, *signals: signal.Signals) -> list[str]:
    """Wait for the line ``first``, send the signals, and return what is written after it."""
    assert started.stdout is not None
    assert started.stdout.readline().strip() == first
    for number in signals:
        started.send_signal(number)
    return started.communicate(timeout=30)[0].splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("case", ["direct", "queue"])
def test_the_first_ends_the_stream_normally(case, number):
    with program(case) as started:
        ended, closed = lines_after(started, "ready", number)
        assert ended.startswith("ended S")
        assert ended.endswith(" E True")
        assert closed == "close close close close close"
        assert started.returncode == 130


def test_a_terminal_that_is_closed_ends_the_stream_normally_however_often_it_says_so():
    with program("direct") as started:
        ended, _ = lines_after(started, "ready", signal.SIGHUP, signal.SIGHUP, signal.SIGHUP)
        assert ended.startswith("ended S") and ended.endswith(" E True")
        assert started.returncode == 130


def test_the_second_aborts_whatever_else_was_sent():
    with program("stuck") as started:
        signals = signal.SIGINT, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM
        written = lines_after(started, "stuck", *signals)
        assert written == ["aborted", "close close close close close"]
        assert started.returncode == 130


def test_who_is_started_by_nohup_outlives_the_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with program("stuck") as started:
        assert started.stdout is not None
        assert started.stdout.readline().strip() == "stuck"
        started.send_signal(signal.SIGHUP)
        # Had the hang-up counted for a first signal, this would be a second, and abort.
        with pytest.raises(subprocess.TimeoutExpired):
            started.send_signal(signal.SIGINT)
            started.wait(1.0)


def test_the_first_reaches_a_source_that_waits_for_its_line():
    with program("silent") as started:
        ended, _ = lines_after(started, "waiting", signal.SIGINT)
        assert ended == "ended E False"
        assert started.returncode == 130


def test_the_second_aborts_a_node_that_hangs():
    with program("stuck") as started:
        written = lines_after(started, "stuck", signal.SIGINT, signal.SIGTERM)
        assert written == ["aborted", "close close close close close"]
        assert started.returncode == 130


@pytest.mark.parametrize("case", ["stuck in queue", "deaf"])
def test_the_second_ends_the_process_where_nothing_else_helps(case):
    with program(case, grace=0.3) as started:
        written = lines_after(started, "stuck", signal.SIGINT, signal.SIGTERM)
        assert "ended" not in " ".join(written)
        assert started.returncode == 130


def test_handlers_are_given_back():
    from caststream.graph.interrupts import interrupts

    class Nothing:
        def stop(self) -> None: ...
        def abort(self) -> None: ...

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interrupts(Nothing()):
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert signal.set_wakeup_fd(-1) == -1
