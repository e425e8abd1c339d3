"""A server of objects, and drawn films."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_archives import SECRET


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 server on loopback; credentials are in the environment."""
    pytest.importorskip("moto")
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path) -> str:
    """A new bucket, ``s3://...``."""
    import boto3

    name = tmp_path.name.replace("_", "-").lower().strip("-")
    boto3.client("s3", endpoint_url=s3_server).create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two drawn films of one show, six seconds each."""
    pytest.importorskip("skia")
    from tools.synth.episode import make_episode

    folder = tmp_path_factory.mktemp("drawn")
    for episode in range(2):
        make_episode(
            folder / f"e{episode}.mp4",
            show_seed=3,
            episode_seed=3 + episode,
            seconds=6.0,
            width=320,
            height=180,
            fps=12.0,
            style=None,
        )
    for truth in folder.glob("*.json"):
        truth.unlink()
    return folder


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> Path:
    """The same in a folder that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "films"))
