"""Where compiled code is kept, also where nothing may be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import draw

import caststream
from caststream.compiled import settle_cache


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """The package with files where numba would make folders, as nothing keeps root from writing."""
    package = tmp_path / "installed" / "caststream"
    shutil.copytree(
        Path(caststream.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in (package, *package.rglob("*/")):
        (folder / "__pycache__").touch()
    return package


def test_a_system_that_is_read_only_is_no_hindrance(sealed: Path, tmp_path: Path) -> None:
    draw(tmp_path / "film.mp4", frames=24)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "caststream", "film.mp4", "--graph", "shots"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(sealed.parent), "HOME": "/dev/null",
             "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "", "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"shot"' in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []  # it went with the process


def test_what_can_be_kept_is_kept(sealed: Path, tmp_path: Path) -> None:
    for environment, package in (
        ({"HOME": "/dev/null"}, tmp_path),
        ({"HOME": str(tmp_path)}, sealed),
        ({"HOME": "/dev/null", "XDG_CACHE_HOME": str(tmp_path)}, sealed),
        ({"HOME": "/dev/null", "NUMBA_CACHE_DIR": "/var/cache/ours"}, sealed),
    ):
        before = dict(environment)
        settle_cache(environment, package)
        assert environment == before
