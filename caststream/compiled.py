"""Where numba keeps what it compiled: beside the package, else in the user's cache, else nowhere.

Left alone it refuses to work where it may write neither, as for a service whose system is
read-only (``ProtectSystem=strict`` and ``ProtectHome=read-only`` of systemd).
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"
_PACKAGE = Path(__file__).parent


def settle_cache(
    environment: MutableMapping[str, str] = os.environ, package: Path = _PACKAGE
) -> None:
    """Name a folder of this process alone where numba would find none that it may write to.

    The folder goes with the process, so each start compiles anew then. To be called before numba is
    imported.
    """
    home = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/"), ".cache"))
    beside = package / "vision" / "__pycache__"
    if environment.get(_VARIABLE) or _writable(beside) or _writable(home / "numba"):
        return
    try:
        # Of this process alone: what lies there is run, and others may write into /tmp as well.
        folder = tempfile.mkdtemp(prefix="caststream-")
    except OSError:
        return  # then numba says what it wants
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment[_VARIABLE] = folder


def _writable(folder: Path) -> bool:
    """Whether files may be made in a folder, or the folder itself, where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
