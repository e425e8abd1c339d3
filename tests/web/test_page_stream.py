"""The page beside a stream that runs: the real program, fed as a live source feeds it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browsers import Tab, chromium
from shows import FPS, HEIGHT, SHOT_FRAMES, SHOTS, WIDTH, Show, picture_of

from caststream.learning.edit import Editor
from caststream.media.encoding import VideoWriter
from caststream.web.desk import Desk

PROGRAM = [sys.executable, "-m", "caststream"]
PATIENCE = 120.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """As MPEG-TS, which can be cut anywhere."""
    path = tmp_path_factory.mktemp("stream") / "discs.ts"
    with VideoWriter(path, WIDTH, HEIGHT, FPS) as out:
        for frame in range(SHOTS * SHOT_FRAMES):
            out.write(picture_of(frame))
    return path.read_bytes()


def program(*words: str, cwd: Path, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *words], cwd=cwd, stderr=subprocess.PIPE, stdin=subprocess.PIPE, **more
    )


def address_of(process: subprocess.Popen[bytes]) -> str:
    """The address that is printed; the other lines before it are passed over."""
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(rb"page (http://\S+)", line)
        if found:
            return found[1].decode()
    raise AssertionError("no address was printed")


def until(true: Any, what: str) -> Any:
    """Wait for something; it is asked ten times a second."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


def answers(address: str) -> bool:
    try:
        return httpx2.get(address, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture
def running(film: bytes, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A stream that got two thirds of its film, and the page beside it."""
    words = ("--serve", "0", "--store", "live.zarr", "--labels", "labels.ndjson", "-")
    with program(*words, cwd=tmp_path) as process:
        try:
            address = address_of(process)
            assert process.stdin is not None
            process.stdin.write(film[: 2 * len(film) // 3])
            process.stdin.flush()
            yield process, address
        finally:
            process.kill()


def test_the_page_shows_a_running_stream_and_neither_holds_it_nor_outlives_it(
    running: tuple[subprocess.Popen[bytes], str], film: bytes, tmp_path: Path
) -> None:
    process, address = running
    with chromium() as browser:
        until(lambda: answers(address), "the page")
        tab = Tab(browser, address)
        page = tab.open("/live")
        page.wait_for_selector(".screen img", timeout=PATIENCE * 1000)
        before = page.get_attribute(".screen img", "src")
        assert before.startswith("/live/0/")
        seen = page.inner_text(".onair")
        assert "running" in seen
        assert "Queue of detect" in seen
        # The rest of the film: the picture goes on by itself.
        assert process.stdin is not None
        process.stdin.write(film[2 * len(film) // 3 :])
        process.stdin.flush()
        page.wait_for_function(
            "src => document.querySelector('.screen img')?.getAttribute('src') !== src",
            arg=before,
            timeout=PATIENCE * 1000,
        )
        tab.open("/timeline")
        page.wait_for_selector(".shot")
        # A browser that looks on does not keep the stream from ending.
        tab.open("/live")
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        tab.context.close()
    assert not answers(address)
    assert '"type":"end"' in (tmp_path / "labels.ndjson").read_text()


def test_the_page_dies_with_a_killed_stream(
    running: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, address = running
    until(lambda: answers(address), "the page")
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    until(lambda: not answers(address), "its end")


def test_serve_is_refused_where_there_is_nothing_to_show(tmp_path: Path) -> None:
    for words, code, told in (
        (("serve", "nowhere.zarr"), 5, b"does not exist"),
        (("--graph", "shots", "--serve", "0", "film.mp4"), 2, b"keeps none"),
        (("--stay", "film.mp4"), 2, b"--serve"),
        (("--serve", "film.mp4", "--graph", "shots"), 2, b"keeps none"),  # the film is no port
        (("--quiet", "--serve", "99999999", "film.mp4"), 2, b"nobody can listen"),
    ):
        process = program(*words, cwd=tmp_path, stdout=subprocess.PIPE)
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == code
        assert told in error
        assert error.count(b"\n") == 1


def test_serve_ends_with_ctrl_c_and_without_noise(show: Show) -> None:
    process = program("serve", str(show.store), "--port", "0", cwd=show.store.parent)
    address = address_of(process)
    until(lambda: answers(address), "the page")
    with httpx2.Client(base_url=address.split("/?")[0]) as browser:
        browser.get(address)
        assert browser.post("/acts/name", data={"character": "c1", "name": "x"}).status_code == 403
        headers = {"origin": address.split("/?")[0], "x-caststream": "page"}
        named = browser.post(
            "/acts/name", data={"character": "c1", "name": "Ruby"}, headers=headers
        )
        assert named.status_code == 200
        with browser.stream("GET", "/events") as events:  # an open page does not hold it
            next(events.iter_lines())
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert Editor(show.store).cast.name(1) == "Ruby"


def test_without_the_extra_it_says_what_to_install(show: Show) -> None:
    hide = "import sys; sys.modules['uvicorn'] = None; from caststream.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{hide} sys.exit(main(['serve', '{show.store}']))"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 2
    assert "caststream[web]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_desk_needs_no_lock(show: Show) -> None:
    """Two pages and a writer on one store are in nobody's way."""
    one, other = Desk(show.store), Desk(show.store)
    one.editor.name(1, "Ruby")
    other.refresh()
    assert other.roster.members[1].name == "Ruby"
    one.close()
    other.close()
