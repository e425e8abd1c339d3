"""The command ``caststream`` and ``python -m caststream``."""

from __future__ import annotations

import sys

from caststream.cli import main

if __name__ == "__main__":
    sys.exit(main())
