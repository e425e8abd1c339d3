"""The command ``caststream`` and ``python -m caststream``."""

from __future__ import annotations

import os
import sys

# The stream's products of matrices are small: threads that wait for each other cost more than they
# save, and take the cores from the decoder. It has to be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from caststream.cli import main
from caststream.compiled import settle_cache
from caststream.memory import hold_little

hold_little()
settle_cache()

if __name__ == "__main__":
    sys.exit(main())
