"""What must not pass: each attack as a browser or a program would send it."""

from __future__ import annotations

import io
import socket
import struct
import threading
import zlib
from pathlib import Path

import httpx2
import pytest
import uvicorn
from conftest import HOST, TOKEN, WRITES, Client, client_of
from PIL import Image
from shows import Show

from caststream.errors import UsageError
from caststream.store import acts
from caststream.web.desk import Desk
from caststream.web.guard import MOST_FORM, MOST_UPLOAD
from caststream.web.server import open_door

NAME = {"character": "c1", "name": "Ruby"}


# --- who may come in ---------------------------------------------------------------------------


def test_without_the_token_nothing_is_told(client: Client) -> None:
    stranger = client_of(client.desk, known=False)
    for path in ("/", "/characters", "/events", "/crop/x/0/0.jpg", "/static/page.js", "/nowhere"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert "show.zarr" not in answer.text
    assert stranger.post("/acts/name", data=NAME, headers=WRITES).status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401
    assert stranger.get("/", headers={"cookie": "door=wrong"}).status_code == 401
    assert stranger.get("/", headers={"cookie": b'door="\x80'}).status_code == 401
    assert acts.read(client.desk.store) == []


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(client: Client) -> None:
    stranger = client_of(client.desk, known=False)
    answer = stranger.get(f"/?token={TOKEN}")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert stranger.get("/characters").status_code == 200  # the cookie is sent from now on


def test_a_foreign_name_that_points_here_is_refused(client: Client) -> None:
    """DNS rebinding: the browser believes that it talks to evil.example and sends its cookies."""
    for host in (
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example:8765",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "",
    ):
        answer = client.get("/characters", headers={"host": host})
        assert answer.status_code == 400, host
        written = client.post(
            "/acts/name", data=NAME, headers={**WRITES, "host": host, "origin": f"http://{host}"}
        )
        assert written.status_code == 400
    for host in (HOST, "localhost:8765", "LOCALHOST"):
        assert client.get("/characters", headers={"host": host}).status_code == 200
    assert acts.read(client.desk.store) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-caststream": "page"},
        {"origin": f"http://{HOST}"},
        {"origin": "http://evil.example", "x-caststream": "page"},
        {"origin": "http://127.0.0.1:9999", "x-caststream": "page"},
        {"origin": f"https://{HOST}", "x-caststream": "page"},
        {"origin": "null", "x-caststream": "page"},
        {"origin": f"http://{HOST}.evil.example", "x-caststream": "page"},
    ],
)
def test_a_post_from_another_page_is_refused(client: Client, headers: dict[str, str]) -> None:
    for path in ("/acts/name", "/acts/undo", "/suggestions", "/compare", "/nowhere"):
        assert client.post(path, data=NAME, headers=headers).status_code == 403
    assert acts.read(client.desk.store) == []


def test_nothing_is_changed_by_a_get_or_another_method(client: Client) -> None:
    assert client.get("/acts/name", params=NAME).status_code == 405
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, "/acts/name", headers=WRITES).status_code == 405
    assert acts.read(client.desk.store) == []


def test_every_answer_forbids_foreign_scripts_frames_and_sniffing(client: Client) -> None:
    answers = [client.get("/characters"), client.get("/static/page.js"), client.get("/nowhere")]
    answers += [client.get("/", headers={"host": "evil.example"}), client.act("/acts/name")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


# --- what is shown -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "{{ 7 * 7 }}",
        "</title><svg onload=alert(1)>",
    ],
)
def test_a_script_in_a_name_stays_a_name(client: Client, name: str) -> None:
    done = client.act("/acts/name", character="c1", name=name)
    assert done.status_code == 200
    pages = [done.text, client.act("/acts/name", character="c2", name=name).text]
    paths = ("/characters", "/characters/c1", "/suggestions", "/timeline", "/frame/0/0", "/compare")
    pages += [client.ask(path) for path in paths]
    pages.append(client.ask(f"/characters?find={name.replace('#', '')}"))
    for page in pages:
        lowered = page.lower()
        for bad in ("<script>alert", "<img src=x", "<svg onload", "' onmouseover", ">49<"):
            assert bad not in lowered
    assert "&lt;" in pages[0] or "&#34;" in pages[0] or "&#39;" in pages[0] or "{{" in pages[0]


def test_what_a_request_says_of_itself_is_escaped_too(client: Client) -> None:
    for path in ("/characters?find=<b>x", "/timeline?find=<b>x", "/characters/<b>x", "/<b>x"):
        assert "<b>x" not in client.get(path).text


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/htmx.LICENSE.txt%00.js",
        "/crop/x/0/..%2f..%2facts.ndjson",
        "/crop/x/0/../../acts.ndjson",
        "/still/x/0/%2fetc%2fpasswd.jpg",
        "/key/../x/0/0.jpg",
        "/frame/0/../../../etc/passwd",
        "/characters/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_of_a_request_reaches_the_disk(client: Client, path: str) -> None:
    acts.append(client.desk.store, "name", {"character": 1, "name": "secret of the disk"})
    answer = client.get(path)
    assert answer.status_code == 404
    assert b"root:" not in answer.content
    assert b"secret of the disk" not in answer.content or b"<!doctype html>" in answer.content
    assert b"make_app" not in answer.content


@pytest.mark.parametrize("digits", [10, 19, 5000])
def test_a_number_that_no_store_has_is_at_no_address(client: Client, digits: int) -> None:
    long = "9" * digits
    for path in (
        *(f"/crop/x/{long}/0.jpg", f"/crop/x/0/{long}.jpg", f"/still/x/0/{long}.jpg"),
        *(f"/frame/0/{long}", f"/live/{long}/0.jpg", f"/characters?page={long}&q={long}"),
    ):
        assert client.get(path).status_code == (200 if "?" in path else 404), path
    assert client.get(f"/characters/c{long}").status_code in (404, 422)


def test_a_store_that_was_taken_away_is_told(client: Client) -> None:
    store = client.desk.store
    store.rename(store.with_name("elsewhere.zarr"))
    for path in ("/characters", "/timeline", "/live"):
        answer = client.get(path)
        assert answer.status_code == 422
        assert f"{store} does not exist" in answer.text
    assert client.get("/static/base.css").status_code == 200
    store.with_name("elsewhere.zarr").rename(store)
    assert client.get("/characters").status_code == 200


def test_a_store_cannot_send_the_page_to_other_files(show: Show, tmp_path: Path) -> None:
    """A store from elsewhere may name any file as its film: only its own film is read."""
    other = tmp_path / "private.mp4"
    other.write_bytes(show.film.read_bytes() + b"\0")
    root = show.store / "zarr.json"
    root.write_text(root.read_text().replace(str(show.film), str(other)))
    desk = Desk(show.store)
    client = client_of(desk)
    assert client.get("/still/x/0/0.jpg").status_code == 404
    assert "pictures that the store keeps" in client.ask("/frame/0/0")
    desk.close()


# --- sizes -------------------------------------------------------------------------------------


def test_a_picture_over_the_limit_is_refused(client: Client) -> None:
    stated = client.post(
        "/compare", content=b"x", headers={**WRITES, "content-length": str(MOST_UPLOAD + 1)}
    )
    assert stated.status_code == 413

    def unstated():
        for _ in range(MOST_UPLOAD // (1 << 20) + 2):
            yield bytes(1 << 20)

    assert client.post("/compare", content=unstated(), headers=WRITES).status_code == 413
    form = client.post("/acts/name", content=b"x" * (MOST_FORM + 1), headers=WRITES)
    assert form.status_code == 413


def test_a_small_file_that_decodes_to_a_huge_picture_is_refused(client: Client) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    bomb += chunk(b"IDAT", zlib.compress(bytes(4_000_000), 9)) + chunk(b"IEND", b"")
    answer = client.post("/compare", content=bomb, headers=WRITES)
    assert answer.status_code == 422
    assert "million pixels are the most" in answer.text


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"%PDF-1.7 ...", b"<svg xmlns='x'/>", bytes(99)])
def test_what_is_no_picture_is_refused_in_a_sentence(client: Client, data: bytes) -> None:
    answer = client.post("/compare", content=data, headers=WRITES)
    assert answer.status_code == 422
    assert "no picture" in answer.text


def test_a_damaged_picture_is_refused_in_a_sentence(client: Client) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "PNG")
    answer = client.post("/compare", content=out.getvalue()[:60], headers=WRITES)
    assert answer.status_code == 422


# --- the door ----------------------------------------------------------------------------------


def test_the_door_opens_on_this_machine_alone_and_each_time_with_another_token() -> None:
    one, other = open_door(port=0), open_door(port=0)
    assert one.socket.getsockname()[0] == "127.0.0.1"
    assert one.token != other.token
    assert len(one.token) >= 32
    assert one.address.startswith("http://127.0.0.1:")
    assert "evil.example" not in one.hosts
    with pytest.raises(UsageError, match="another port"):
        open_door(port=one.socket.getsockname()[1])
    one.socket.close()
    other.socket.close()


def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio turns Nagle's algorithm off only for sockets whose protocol is named."""
    with open_door(port=0).socket as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_over_a_real_socket_the_same_holds(client: Client) -> None:
    door = open_door(port=0)
    port = door.socket.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(client.app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door.socket]})
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as browser:
            assert browser.get("/characters").status_code == 401
            assert browser.get("/", headers={"host": "evil.example"}).status_code == 400
            assert browser.get(f"/?token={TOKEN}").status_code == 200
            assert browser.get("/characters").status_code == 200
            assert browser.get("/static/../../../../etc/passwd").status_code == 404
            assert browser.post("/acts/name", data=NAME).status_code == 403
    finally:
        server.should_exit = True
        thread.join(20)
        door.socket.close()
    assert not thread.is_alive()
