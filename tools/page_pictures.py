"""Pictures of the page's views, for the documentation: python -m tools.page_pictures STORE FILM OUT

STORE was made of FILM and its characters have names. Each view is shown as the real program serves
it to Debian's Chromium, on a desk and on a phone side by side, once in the light and once in the
dark; the live view is that of a stream that labels FILM anew into a store of its own.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

HEIGHT, GAP = 750, 20
DESK = {"viewport": {"width": 1200, "height": HEIGHT}}
PHONE = {"viewport": {"width": 390, "height": HEIGHT}, "has_touch": True, "is_mobile": True}
VIEWS = ("characters", "character", "suggestions", "timeline", "frame", "compare", "live")
MOST = 300_000
"""Bytes of a picture."""
LIVE_SECONDS = 120
"""Of the film that are labelled before the live view is shown."""
_LOADED = """() => [...document.images].every(i => {
  const r = i.getBoundingClientRect();
  const seen = r.right > 0 && r.left < innerWidth && r.bottom > 0 && r.top < innerHeight;
  return !seen || (i.complete && i.naturalWidth);
})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("film", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--at", type=float, default=145.0, help="time shown, in seconds")
    parser.add_argument("--only", choices=VIEWS, action="append", help="these views alone")
    args = parser.parse_args()
    views = args.only or VIEWS
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        parser.error("needs Chromium: apt-get install chromium")
    args.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        with served("serve", str(args.store), "--port", "0") as address:
            for view in views:
                if view != "live":
                    shoot_all(browser, address, view, args)
        if "live" in views:
            with tempfile.TemporaryDirectory() as folder:
                words = ("--serve", "0", "--store", f"{folder}/live.zarr", str(args.film))
                with served(*words, "--labels", f"{folder}/labels.ndjson") as address:
                    wait_for_stream(browser, address)
                    shoot_all(browser, address, "live", args)
        browser.close()
    return 0


@contextmanager
def served(*words: str) -> Iterator[str]:
    """The program with these arguments; gives the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "caststream", *words], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    found = None
    while found is None and (line := process.stderr.readline()):
        found = re.search(r"page (http://\S+)", line)
    if found is None:
        raise SystemExit(f"caststream {' '.join(words)} printed no address")
    try:
        yield found[1]
    finally:
        process.kill()
        process.communicate()


def wait_for_stream(browser: Any, address: str) -> None:
    """Until a running stream has read enough of its film."""
    page = browser.new_page()
    enter(page, address, 120_000)
    page.goto(f"{address.split('/?')[0]}/live")
    page.wait_for_function(
        "least => { const [m, s] = (document.querySelector('.figures dd')?.innerText || '0:00')"
        ".split(' ')[0].split(':').map(Number); return 60 * m + s >= least }",
        arg=LIVE_SECONDS,
        timeout=600_000,
    )
    page.close()


def enter(page: Any, address: str, patience: int = 30_000) -> None:
    """Come in with the token; the page beside a stream answers once there is a store."""
    page.goto(address, timeout=patience)
    page.wait_for_url("**/characters", timeout=patience)


def shoot_all(browser: Any, address: str, view: str, args: argparse.Namespace) -> None:
    for scheme in ("light", "dark"):
        shots = []
        for size in (DESK, PHONE):
            context = browser.new_context(**size, color_scheme=scheme)
            page = context.new_page()
            enter(page, address)
            show(page, address.split("/?")[0], view, args)
            page.wait_for_function(_LOADED)
            page.wait_for_timeout(400)  # transitions
            shots.append(Image.open(io.BytesIO(page.screenshot(type="png"))).convert("RGB"))
            context.close()
        save(shots, args.out / f"{view}-{scheme}.webp")


def show(page: Any, base: str, view: str, args: argparse.Namespace) -> None:
    """Bring a view to where it tells most."""
    if view == "character":
        page.locator(".card .face").first.click()
        page.wait_for_url("**/characters/c*")
        for place in (1, 2):
            page.locator(".track input").nth(place).check()
    elif view == "frame":
        page.goto(f"{base}/timeline?at={args.at:.0f}")
        page.locator(".shot.focus").click()
        page.wait_for_selector("dialog[open] .picture image")
    elif view == "compare":
        page.goto(f"{base}/compare")
        page.set_input_files("input[type=file]", picture_of(args.film, args.at))
        page.wait_for_selector("#matches .likely a", timeout=120_000)
    else:
        page.goto(f"{base}/{view}" + (f"?at={args.at:.0f}" if view == "timeline" else ""))
        if view == "live":
            page.wait_for_selector(".onscreen li a", timeout=120_000)


def picture_of(film: Path, seconds: float) -> dict[str, Any]:
    """A frame of a film, as a browser takes a chosen file."""
    import av

    with av.open(str(film)) as container:
        container.seek(int(seconds * av.time_base))
        frame = next(f for f in container.decode(video=0) if f.time and f.time >= seconds)
        out = io.BytesIO()
        frame.to_image().save(out, "JPEG", quality=90)
    return {"name": "frame.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def save(shots: list[Image.Image], file: Path) -> None:
    """Beside each other on nothing, as WebP in the best quality that stays small."""
    width = sum(shot.width for shot in shots) + GAP * (len(shots) - 1)
    sheet = Image.new("RGBA", (width, HEIGHT))
    left = 0
    for shot in shots:
        sheet.paste(shot, (left, 0))
        left += shot.width + GAP
    for quality in (80, 65, 50):
        sheet.save(file, "WEBP", quality=quality, method=6)
        if file.stat().st_size < MOST:
            return
    raise SystemExit(f"{file} is too large")


if __name__ == "__main__":
    sys.exit(main())
