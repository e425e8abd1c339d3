"""The command that draws episodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.synth.__main__ import main


def test_two_episodes_of_one_show(tmp_path: Path) -> None:
    size = ["--seconds", "1", "--width", "64", "--height", "36", "--fps", "8"]
    out = tmp_path / "show.mp4"
    assert main([str(out), "--seed", "3", "--episodes", "2", "--style", "ink", *size]) == 0
    one, two = (json.loads((tmp_path / f"show-{k}.truth.json").read_text()) for k in (1, 2))
    assert (tmp_path / "show-1.mp4").stat().st_size > 0
    assert one["clip"] == "show-1.mp4"
    assert one["frame_count"] == two["frame_count"] == 8
    assert one["characters"] == two["characters"]
    assert one["frames"] != two["frames"]


@pytest.mark.parametrize(
    "wrong", [["--width", "65"], ["--height", "8"], ["--seconds", "0"], ["--episodes", "0"]]
)
def test_impossible_sizes_are_refused(
    tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "a.mp4"), *wrong])
    assert ended.value.code == 2
    assert "must be" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
