"""Folders of this machine and of an object store."""

from __future__ import annotations

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr
from made_archives import SECRET

from caststream.errors import InputError, OutputError, StoreError, UsageError
from caststream.store.places import Place, checked, open_group


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return Place(tmp_path / "not" / "there yet")
    return Place(request.getfixturevalue("bucket") + "/some folder")


def test_what_is_written_is_read(place: Place, tmp_path: Path) -> None:
    assert place.names() == []
    assert not place.has("a/one")
    place.put("a/one", b"1" * 10)
    place.put("a/one", b"2" * 12)
    assert place.read("a/one") == b"2" * 12
    assert place.size("a/one") == 12
    assert place.read_part("a/one", 3, 5) == b"22"
    assert place.has("a/one")
    assert not place.has("a")
    (tmp_path / "up" / "deep").mkdir(parents=True)
    (tmp_path / "up" / "deep" / "two").write_bytes(bytes(9 << 20))
    (tmp_path / "up" / "LOCK").write_bytes(b"")
    place.upload(tmp_path / "up", "b", leave=["LOCK"])
    assert place.names() == ["a/one", "b/deep/two"]
    assert place.names("b") == ["b/deep/two"]
    file = place.open("b/deep/two")
    file.seek(-3, 2)
    assert bytes(file.read(10)) == bytes(3)
    place.download("b/deep/two", tmp_path / "down")
    assert (tmp_path / "down").stat().st_size == 9 << 20
    place.remove(["b/deep/two", "b/never"])
    assert pickle.loads(pickle.dumps(place)).names() == ["a/one"]


def test_of_many_that_create_a_file_one_does(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(lambda k: place.create("who", b"%d" % k), range(8)))
    assert tries.count(True) == 1
    assert place.read("who") == b"%d" % tries.index(True)


def test_zarr_reads_from_it(place: Place, tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "group")
    group.create_array("x", data=np.arange(1000), chunks=(100,), shards=(1000,))
    place.upload(tmp_path / "group", "g")
    read = open_group(place.of("g"))
    assert read["x"][5:8].tolist() == [5, 6, 7]
    with pytest.raises(StoreError, match="is gone"):
        open_group(place.of("other"))


def test_what_is_missing_is_told(place: Place) -> None:
    with pytest.raises(StoreError, match=r"nothing cannot be read: there is no such file"):
        place.read("nothing")
    with pytest.raises(InputError, match="no such file"):
        Place(place.address, failure=InputError).size("nothing")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"s3://me:{SECRET}@bucket/x", "credentials"),
        (f"https://films.example/x.mp4?X-Amz-Signature={SECRET}", "credentials"),
        ("s3:///x", "names no bucket"),
    ],
)
def test_credentials_do_not_come_through_addresses(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        Place(address)
    assert SECRET not in str(told.value)


def test_addresses_of_unknown_kinds_are_told() -> None:
    with pytest.raises(UsageError, match=r"foo://x cannot be opened"):
        Place("foo://x").read("y")
    assert checked("file:///a%20b/c") == "/a b/c"


def test_no_credentials_in_what_is_said(bucket: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for act in (
        lambda: Place(bucket + "-not").read("x"),
        lambda: Place(bucket + "-not").put("x", b""),
        lambda: Place(bucket).read("x"),
    ):
        with pytest.raises((StoreError, OutputError)) as error:
            act()
        said.append(str(error.value))
        assert "\n" not in said[-1]
    assert SECRET not in "".join(said) + caplog.text


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        Place(tmp_path / "file" / "below").put("x", b"")
