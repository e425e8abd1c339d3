"""Units on a local Ray cluster of two workers, with real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_archives import SECRET, records_of

from caststream.archive.plan import Unit, read_plan
from caststream.archive.run import Resources, run_units
from caststream.archive.unit import done_units, read_committed
from caststream.store.places import Place

pytest.importorskip("ray")
WORDS = [sys.executable, "-m", "caststream", "archive"]
PATIENCE = 300.0
CLOCKS = {"started", "elapsed", "store"}


@pytest.fixture(scope="module")
def cluster(s3_server: str) -> Iterator[None]:
    """Two workers in this process's care."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def plan_of(films: str, path: str) -> list[Unit]:
    subprocess.run([*WORDS, "plan", films, "--out", path], check=True, stdout=subprocess.DEVNULL)
    return read_plan(path)


def wait_for(what: Callable[[], object]) -> object:
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
    return found


def descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def workers_of(driver: int) -> list[int]:
    """Processes of a driver's cluster that do a unit at this moment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::Map") and descends(int(entry.name), driver):
                found.append(int(entry.name))
    return found


def labels_of(plan: str, archive: str, store: Path) -> list[dict]:
    subprocess.run(
        [*WORDS, "merge", plan, "--store", archive, "--into", str(store)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return [{k: v for k, v in line.items() if k not in CLOCKS} for line in records_of(store)]


def test_units_are_done_beside_one_that_cannot_be(
    cluster: None, films: Path, tmp_path: Path
) -> None:
    archive = Place(tmp_path / "archive")
    units = plan_of(str(films), str(tmp_path / "plan.parquet"))
    assert len(units) == 2
    Path(units[1].uri).write_bytes(b"overwritten")
    told: list[str] = []
    ran = run_units(units, archive, Resources(), tell=told.append)
    assert (ran.done, ran.known, len(ran.failed)) == (1, 0, 1)
    assert ran.failed[0].what.startswith(units[1].uri)
    assert "was changed" in ran.failed[0].why
    assert ran.failed[0].exit_code == 3
    assert done_units(archive) == {units[0].id}
    assert len(told) == 2
    again = run_units(units[:1], archive, Resources())
    assert (again.done, again.known, again.failed) == (0, 1, [])


@pytest.mark.archive
def test_a_killed_worker_and_a_killed_driver_change_nothing(
    films: Path, bucket: str, tmp_path: Path
) -> None:
    """Films and archive in an object store; labels are those of a run that nobody disturbed."""
    for number in range(2):
        # The same pictures with another content: four units of work for one drawing.
        data = (films / f"e{number}.mp4").read_bytes()
        (films / f"f{number}.mp4").write_bytes(data + b"\0\0\0\x08free")
    Place(bucket).upload(films, "in")
    plan = f"{bucket}/plan.parquet"
    assert len(plan_of(f"{bucket}/in/", plan)) == 4
    run = [*WORDS, "run", plan, "--store"]
    calm, rough = f"{bucket}/calm", f"{bucket}/rough"
    subprocess.run([*run, calm], check=True)

    said = tmp_path / "said"
    with said.open("wb") as out:
        driver = subprocess.Popen([*run, rough], stdout=out, stderr=out)
        victim = wait_for(lambda: workers_of(driver.pid))[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: done_units(Place(rough)) or driver.poll() is not None)
        cluster = [p for p in all_pids() if p != driver.pid and descends(p, driver.pid)]
        driver.kill()
        driver.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in cluster))
    before = {unit: read_committed(unit, Place(rough)) for unit in done_units(Place(rough))}
    assert 1 <= len(before) < 4, said.read_text()
    with said.open("ab") as out:
        subprocess.run([*run, rough], check=True, stdout=out, stderr=out)
    assert len(done_units(Place(rough))) == 4
    for unit, committed in before.items():
        assert read_committed(unit, Place(rough)) == committed  # not done again
    undisturbed = labels_of(plan, calm, tmp_path / "calm.zarr")
    assert any(line.get("boxes") for line in undisturbed)
    assert labels_of(plan, rough, tmp_path / "rough.zarr") == undisturbed
    assert SECRET not in said.read_text()


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
