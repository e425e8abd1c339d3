"""Every command that the documentation shows is run, or named here with the reason why not.

Blocks of a page fenced as ``sh`` run one after the other in one folder, with the drawn films
``episode1.mp4`` and ``episode2.mp4``. A word behind ``sh`` says what else: ``fails 3`` is the exit
code that has to come, and any other is one of ``NOT_RUN``. Commands inside of sentences and tables
are parsed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from caststream.commands import COMMANDS, parser_of

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "commands").glob("*.md")]
)
NOT_RUN = {
    "checkout": "draws a minute of cartoon; the fixture draws shorter ones in the same way",
    "make": "sets up an environment of its own",
    "serves": "runs until it is stopped; tests/web run it",
    "player": "needs a player and a screen",
    "ffmpeg": "needs FFmpeg's own program",
    "mkvtoolnix": "needs mkvmerge; tests/export run it where there is one",
    "cluster": "needs a cluster or a bucket; tests/archive run it on a small one",
    "network": "needs a network",
}
BLOCK = re.compile(r"^```sh(?: ([^\n]*))?\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`(caststream[^`]*)`")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Word behind ``sh`` and text of each block."""
    return [(word, text) for word, text in BLOCK.findall(page.read_text("utf-8"))]


def runnable(page: Path) -> bool:
    return any(not word or word.startswith("fails") for word, _ in blocks(page))


def test_words_behind_sh_are_known() -> None:
    used = {word for page in PAGES for word, _ in blocks(page) if not word.startswith("fails ")}
    assert used - {""} <= set(NOT_RUN)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("skia", reason="drawing films needs caststream[synth]")
    folder = tmp_path_factory.mktemp("films")
    subprocess.run(
        [sys.executable, "-m", "tools.synth", folder / "e.mp4", "--seed", "3", "--seconds", "12",
         "--episodes", "2", "--width", "320", "--height", "180"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    for number in (1, 2):
        (folder / f"e-{number}.mp4").rename(folder / f"episode{number}.mp4")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A PATH on which ``caststream`` is this one."""
    folder = tmp_path_factory.mktemp("bin")
    for name, words in {"caststream": "-m caststream", "python": ""}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "90"}


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if runnable(p)], ids=lambda page: page.stem)
def test_commands_do_what_the_page_says(
    page: Path, films: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    for number in (1, 2):
        shutil.copy(films / f"episode{number}.mp4", tmp_path)
    shutil.copy(films / "episode1.mp4", tmp_path / "film.mp4")
    if page.stem == "exports":  # the page begins where the guide ends
        prepare = "for n in 1 2; do caststream episode$n.mp4 --store show.zarr --labels l; done"
        _shell(prepare, 0, tmp_path, environment)
    for word, text in blocks(page):
        if word and not word.startswith("fails"):
            continue
        _shell(text, int(word.split()[1]) if word else 0, tmp_path, environment)


def _shell(text: str, code: int, cwd: Path, environment: dict[str, str]) -> None:
    # `head` ends before the program that it reads from, which then ends with 141: not with -o
    # pipefail would that be a failure, and so it is not set.
    done = subprocess.run(
        ["bash", "-e", "-c", text], cwd=cwd, env=environment, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr, text


def _spoken() -> list[tuple[str, str]]:
    """Page and command, of blocks that are not run and of sentences and tables."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        found += [(page.name, c.replace("\\|", "|")) for c in INLINE.findall(BLOCK.sub("", text))]
        for word, block in blocks(page):
            if word in NOT_RUN:
                found += [(page.name, line) for line in block.splitlines()]
    return found


@pytest.mark.parametrize(("page", "command"), _spoken())
def test_commands_can_be_meant(page: str, command: str) -> None:
    """Each ``caststream ...`` of a pipeline is taken by the parser that it is for."""
    for part in re.split(r"\s[|]\s|\s&&\s|;", command):
        words = shlex.split(re.sub(r"\s[<>]\s*\S+", "", part.replace("...", "")), comments=True)
        if words[:1] != ["caststream"] or words[1:2] == ["STORE"]:
            continue
        words = words[1:]
        name = words.pop(0) if words and words[0] in COMMANDS else None
        if not words or any(word.isupper() for word in words):
            continue  # a command's name, or its form
        parser_of(name).parse_args(words)


def test_generated_pages_are_up_to_date() -> None:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("argparse words --help differently from version to version; written with 3.11")
    pytest.importorskip("shtab", reason="completion needs shtab")
    done = subprocess.run(
        [sys.executable, "-m", "tools.make_docs", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_exit_code_is_told() -> None:
    from caststream import errors

    told = (ROOT / "docs" / "failures.md").read_text("utf-8")
    codes = {kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")}
    for code in (codes | {errors.EXIT_INTERRUPTED, errors.EXIT_READER_GONE}) - {0}:
        assert f"## {code}: " in told


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_man_page_is_one() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", ROOT / "share" / "man" / "man1" / "caststream.1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("caststream exp", "export"),
        ("caststream --vid", "--video"),
        ("caststream export --to cha", "chapters"),
        ("caststream not", "not-this"),
    ],
)
def test_bash_completes(typed: str, completed: str) -> None:
    script = (
        f"source {ROOT}/share/bash-completion/completions/caststream\n"
        f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
        '_shtab_caststream caststream "${COMP_WORDS[-1]}"; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert completed in done.stdout.split()
