"""A full disk, a slow reader, a reader that leaves, and files made to break readers."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from caststream.store.check import check
from caststream.store.reader import StoreReader
from tools.faults.process import PROGRAM, resident, stream, until, vitals
from tools.faults.report import Row
from tools.sender import Broadcast

MEMORY = 3 << 30
"""Address space that a process gets for a hostile file."""


def full_disk(film: Path) -> Row:
    """A tmpfs of 48 MiB that somebody fills and empties again."""
    name, wanted = "full disk (48 MiB tmpfs)", "pauses, recovers, loses nothing committed"
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder],
            capture_output=True, check=False,
        )  # fmt: skip
        if mounted.returncode:
            return Row(name, wanted, "not run: a tmpfs cannot be mounted here", False)
        sender = Broadcast(film)
        try:
            store = Path(folder) / "s.zarr"
            words = [sender.uri, "--graph", "live", "--store", store, "--labels", "/dev/null"]
            with stream(*words, "--quiet", "--set", "save.room=8",
                        stderr=subprocess.DEVNULL) as process:  # fmt: skip
                until(lambda: (found := vitals(store)) and found["sources"][0]["commits"] > 1)
                with (Path(folder) / "ballast").open("wb") as ballast:
                    try:
                        while True:
                            ballast.write(bytes(1 << 20))
                            ballast.flush()
                    except OSError:
                        pass
                until(lambda: _state(store) == "waiting")
                held = vitals(store)
                time.sleep(5.0)
                still = vitals(store)
                (Path(folder) / "ballast").unlink()
                assert held is not None and still is not None
                before = still["sources"][0]["commits"]
                paused = before - held["sources"][0]["commits"]
                until(lambda: _commits(store) > before + 1)
                told = _commits(store)
                process.terminate()
                code = process.wait(60)
            sound = not check(store)
            with StoreReader(store) as reader:
                shots = [shot.index for shot in reader.shots(0)]
        finally:
            sender.close()
            subprocess.run(["umount", "-l", folder], check=False)
    good = sound and code == 130 and len(shots) >= told and shots == list(range(len(shots)))
    found = (
        f"waited with {before} commits ({paused} more while it was full), went on to {len(shots)};"
        f" {'sound' if sound else 'DAMAGED'}, shots without a hole"
    )
    return Row(name, wanted, found, good)


def _state(store: Path) -> str:
    found = vitals(store)
    return found["sources"][0]["state"] if found else ""


def _commits(store: Path) -> int:
    found = vitals(store)
    return int(found["sources"][0]["commits"]) if found else 0


def readers(film: Path) -> list[Row]:
    """A reader that takes a line every 50 ms, and one that closes the pipe.

    The pipe holds few of the lines, so that a writer that does not wait is found out.
    """
    words = [film, "--quiet", "--set", "detect.rate=24", "--set", "learn.tune=off"]
    peak, ahead, pictures, lines = 0.0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.zarr"
        with stream(*words, "--store", store, stdout=subprocess.PIPE, text=True,
                    pipesize=4096) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                kind = json.loads(line)["type"]
                lines += 1
                pictures += kind == "frame"
                time.sleep(0.05)
                peak = max(peak, resident(process.pid))
                if not lines % 10 and (found := vitals(store)):
                    ahead = max(ahead, found["sources"][0]["analysed"] - pictures)
            code = process.wait(60)
    slow = Row("slow reader of standard output", "back-pressure, all lines arrive",
               f"{lines} lines with {pictures} pictures, of which at most {ahead} were ahead of the"
               f" reader; end record {'there' if kind == 'end' else 'MISSING'},"
               f" {peak:.0f} MiB at most",
               code == 0 and kind == "end" and ahead < pictures / 3 and pictures > 200)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.zarr"
        words = [film, "--store", store, "--quiet"]
        with stream(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            for _ in range(3):
                process.stdout.readline()
            process.stdout.close()
            said = process.stderr.read()
            code = process.wait(120)
        sound = not check(store)
    gone = Row("reader gone", "clean end",
               f"code {code}, store {'sound' if sound else 'DAMAGED'},"
               f" {'no traceback' if 'Traceback' not in said else 'TRACEBACK'}",
               code == 141 and sound and "Traceback" not in said)  # fmt: skip
    return [slow, gone]


def hostile() -> list[Row]:
    """Files that claim absurd things, each in a process with little memory."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in _HOSTILE.items():
            path = Path(folder) / name.replace(" ", "_").replace(",", "")
            path = path.with_suffix(make(path))
            rows.append(_refused(f"hostile file: {name}", [str(path)], None))
        rows.append(_refused("hostile pipe: an endless moov", ["-"], _endless))
    return rows


def _refused(name: str, words: list[str], feed: Callable[[int], None] | None) -> Row:
    wanted = "refused with a clear error inside the memory limit"
    began = time.monotonic()
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [*PROGRAM, *words, "--graph", "shots", "--quiet"],
        stdin=ours if feed else subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )  # fmt: skip
    os.close(ours)
    peak = 0.0
    if feed is not None:
        import threading

        threading.Thread(target=feed, args=(theirs,), daemon=True).start()
    else:
        os.close(theirs)
    while process.poll() is None and time.monotonic() - began < 60:
        peak = max(peak, resident(process.pid))
        time.sleep(0.02)
    hung = process.poll() is None
    process.kill()
    assert process.stderr is not None
    said = process.stderr.read().strip().splitlines()
    good = not hung and process.returncode in (3, 4) and len(said) == 1
    text = "no answer in 60 s" if hung else (said[-1] if said else "nothing said")
    text = text.replace("caststream: ", "").replace(words[0], "FILE").replace("|", "/")
    return Row(name, wanted, f"{text} (code {process.returncode}, {peak:.0f} MiB,"
               f" {time.monotonic() - began:.1f} s)", good)  # fmt: skip


def _box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + kind + content


def _huge_png(path: Path) -> str:
    header = b"IHDR" + struct.pack(">IIBBBBB", 65_535, 65_535, 8, 2, 0, 0, 0)
    import zlib

    crc = struct.pack(">I", zlib.crc32(header))
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc
    path.with_suffix(".png").write_bytes(data + struct.pack(">I", 1 << 30) + b"IDAT" + bytes(1000))
    return ".png"


def _huge_y4m(path: Path) -> str:
    head = b"YUV4MPEG2 W65535 H65535 F25:1 Ip A1:1 C420jpeg\nFRAME\n"
    path.with_suffix(".y4m").write_bytes(head + bytes(100_000))
    return ".y4m"


def _million_streams(path: Path) -> str:
    # The smallest track that is taken for one: a media header and a handler.
    mdhd = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 25, 25, 0, 0))
    hdlr = _box(b"hdlr", struct.pack(">II4s12s", 0, 0, b"vide", b"") + b"\0")
    track = _box(b"trak", _box(b"mdia", mdhd + hdlr))
    body = track * 1_000_000
    with path.with_suffix(".mp4").open("wb") as file:
        file.write(_box(b"ftyp", b"isom" + bytes(4) + b"isom"))
        file.write(_box(b"moov", b"", len(body) + 8) + body)
    return ".mp4"


def _large_table(path: Path) -> str:
    # An index that claims four thousand million samples, in a file that would hold them.
    stsz = _box(b"stsz", struct.pack(">III", 0, 0, 0xFFFFFFF0))
    stbl = _box(b"stbl", stsz)
    mdhd = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 25, 25, 0, 0))
    hdlr = _box(b"hdlr", struct.pack(">II4s12s", 0, 0, b"vide", b"") + b"\0")
    trak = _box(b"trak", _box(b"mdia", mdhd + hdlr + _box(b"minf", stbl)))
    with path.with_suffix(".mp4").open("wb") as file:
        file.write(_box(b"ftyp", b"isom" + bytes(4) + b"isom") + _box(b"moov", trak))
        file.write(_box(b"mdat", bytes(1000)))
    return ".mp4"


def _endless_file(path: Path) -> str:
    with path.with_suffix(".mp4").open("wb") as file:
        file.write(_box(b"ftyp", b"isom" + bytes(4) + b"isom"))
        file.write(struct.pack(">I4sQ", 1, b"moov", 1 << 60))
        file.truncate(8 << 30)  # sparse
    return ".mp4"


def _endless(descriptor: int) -> None:
    """A moov without end, written to a pipe until nobody reads it."""
    piece = _box(b"udta", bytes(1000)) * 100
    try:
        os.write(descriptor, _box(b"ftyp", b"isom" + bytes(4) + b"isom"))
        os.write(descriptor, struct.pack(">I4sQ", 1, b"moov", 1 << 60))
        while True:
            os.write(descriptor, piece)
    except OSError:
        return
    finally:
        os.close(descriptor)


_HOSTILE: dict[str, Callable[[Path], str]] = {
    "a PNG of 65,535 x 65,535": _huge_png,
    "a y4m of 65,535 x 65,535": _huge_y4m,
    "an mp4 of a million streams": _million_streams,
    "an mp4 of 4 thousand million samples": _large_table,
    "an mp4 of an endless moov": _endless_file,
}

if __name__ == "__main__":
    for row in hostile():
        print(row, file=sys.stderr)
