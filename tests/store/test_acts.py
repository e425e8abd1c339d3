from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caststream.store import acts
from caststream.store.writer import StoreWriter

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def path(tmp_path):
    StoreWriter.open(tmp_path / "s").close()
    return tmp_path / "s"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.dictionaries(st.text(), json_values, max_size=4))
def test_any_arguments_come_back(path, arguments):
    before = acts.read(path)
    done = acts.append(path, "name", arguments)
    assert acts.read(path) == [*before, done]
    assert done.arguments == arguments and done.number == len(before) + 1
    assert acts.read(path, after=len(before)) == [done]


def test_no_acts_yet(path):
    assert acts.read(path) == []


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_torn_last_line_is_not_there_and_is_written_over(path, cut):
    acts.append(path, "name", {"character": 1, "name": "Bunny" * 2000})
    acts.append(path, "ignore", {"character": 2, "ignored": True})
    file = path / acts.FILE
    file.write_bytes(file.read_bytes()[:-cut])
    assert [act.number for act in acts.read(path)] == [1]
    acts.append(path, "undo", {"act": 1})
    assert [(act.number, act.kind) for act in acts.read(path)] == [(1, "name"), (2, "undo")]


def test_a_damaged_line_is_left_out_with_a_warning(path, caplog):
    for name in "abc":
        acts.append(path, "name", {"character": 1, "name": name})
    file = path / acts.FILE
    file.write_bytes(file.read_bytes().replace(b'"name":"b"', b'"name":"x"'))
    assert [act.arguments["name"] for act in acts.read(path)] == ["a", "c"]
    assert "line 2 is damaged" in caplog.text
    assert acts.append(path, "undo", {"act": 3}).number == 4


def test_unknown_kinds_are_refused(path):
    with pytest.raises(ValueError, match="unknown act 'rule'"):
        acts.append(path, "rule", {})
    assert acts.read(path) == []


def test_two_people_at_once(path):
    program = (
        "import sys\n"
        "from caststream.store import acts\n"
        "for i in range(25):\n"
        "    acts.append(sys.argv[1], 'name', {'who': sys.argv[2], 'i': i})\n"
    )
    people = [
        subprocess.Popen([sys.executable, "-c", program, str(path), who]) for who in ("a", "b")
    ]
    assert [person.wait() for person in people] == [0, 0]
    found = acts.read(path)
    assert [act.number for act in found] == list(range(1, 51))
    for who in ("a", "b"):
        assert [a.arguments["i"] for a in found if a.arguments["who"] == who] == list(range(25))
