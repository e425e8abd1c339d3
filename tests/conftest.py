"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with development films and contracts beside the checkout, else a skip."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("needs the development films in ../shared, which are not here")
    return path
