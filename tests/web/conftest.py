"""A show to look at, and a browser's end of the page without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shows import Show, make_show
from starlette.testclient import TestClient

from caststream.web.app import make_app
from caststream.web.desk import Desk

HOST = "127.0.0.1:8765"
TOKEN = "the-token-of-this-test"
WRITES = {"origin": f"http://{HOST}", "x-caststream": "page"}


class Client(TestClient):
    """Sends what our own script sends."""

    desk: Desk

    def act(self, path: str, **fields: Any) -> Any:
        return self.post(path, data=fields, headers=WRITES)

    def ask(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


def client_of(desk: Desk, *, known: bool = True, base: str = f"http://{HOST}") -> Client:
    app = make_app(desk, token=TOKEN, hosts={"127.0.0.1", "localhost"}, cookie="door")
    client = Client(app, base_url=base, follow_redirects=False, raise_server_exceptions=False)
    client.desk = desk
    if known:
        client.headers["cookie"] = f"door={TOKEN}"
    return client


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """Not to be changed: ``show`` is a copy."""
    return make_show(tmp_path_factory.mktemp("show"))


@pytest.fixture
def show(made: Show, tmp_path: Path) -> Show:
    shutil.copytree(made.store, tmp_path / "show.zarr")
    return Show(made.film, tmp_path / "show.zarr")


@pytest.fixture
def client(show: Show) -> Iterator[Client]:
    desk = Desk(show.store)
    yield client_of(desk)
    desk.close()
