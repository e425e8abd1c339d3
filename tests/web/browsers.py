"""A real browser, and the page on a real socket for it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from caststream.web.app import make_app
from caststream.web.desk import Desk
from caststream.web.server import open_door

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 30_000
"""Milliseconds that a busy machine gets for what takes a few."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; skips the test where either is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium (apt-get install chromium), which is not here")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The page over a desk on a free port; gives the address with its token."""
    door = open_door(port=0)
    app = make_app(desk, token=door.token, hosts=door.hosts, cookie=door.cookie)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    app.state.ending = lambda: server.should_exit
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door.socket]})
    thread.start()
    try:
        yield door.address
    finally:
        server.should_exit = True
        thread.join(20)
        door.socket.close()


class Tab:
    """One page in a browser that has come in through the door, and what went wrong in it."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.base = address.split("/?")[0]
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)
        self.page.goto(address)
        self.page.wait_for_url("**/characters")

    def _heard(self, message: Any) -> None:
        # A refused act is an answer of 4xx, which Chromium tells as an error too.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrong.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.base, "blob:", "data:")):
            self.wrong.append(f"asked elsewhere: {request.url}")

    def open(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.wrong == []
