"""Episodes of a series are judged together, by the ids that they share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from caststream.evaluation.identity import Matches
from tools.bench_series import judge, named, score


def test_an_id_that_means_another_in_the_next_episode_is_a_mistake() -> None:
    first = Matches(("Ada", "Ada", "Bo"), ("c1", "c1", "c2"), (0, 1, 2), Counter())
    same = Matches(("Ada", "Bo"), ("c1", "c2"), (0, 1), Counter({"Bo": 1}))
    other = Matches(("Ada", "Bo"), ("c2", "c1"), (0, 1), Counter({"Bo": 1}))
    assert score([first, same]) == 1.0
    assert score([first, other]) < score([other]) == 1.0
    assert named([first, same]) == pytest.approx(5 / 6)
    # c1 is Ada by most, c2 is Ada and Bo once each, which goes by the first of the alphabet.
    assert named([first, other]) == pytest.approx(3 / 6)


def test_two_episodes_go_into_one_store(tmp_path: Path) -> None:
    pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    from tools.drawn_looks import look

    episodes = [tmp_path / f"show-1-{number}.looks.npz" for number in range(2)]
    for number, looks in enumerate(episodes):
        look(looks, 1, number, 8.0, (320, 180))
    found = judge(episodes, ["learn.tune=off"])
    assert found.heads == 0
    assert 0 < found.whole <= 1 and 0 <= found.named <= 1
