"""Trains the character embedder: COCO's trunk, then drawn shows, then tracks and names of films.

    python tools/train_embedder.py draw       # draws shows into the cache
    python tools/train_embedder.py start      # COCO's trunk, a head by discriminant analysis
    python tools/train_embedder.py drawn      # ... then trained on drawn shows alone
    python tools/train_embedder.py fold NAME  # ... and on films, without that one
    python tools/train_embedder.py ship       # ... and on all films whose licence allows it

Every step goes on where it was stopped, and says how well boxes of films it did not see are told
apart; ``tools/bench_embedder.py`` says more. One core takes 7 ms a crop.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.embedder import CROP_SIZE, DIMENSIONS, Head, load_network, save_network
from caststream.vision.embedder_network import FEATURES, EmbedderNet
from tools.coco_weights import coco_trunk
from tools.embedder_data import Crops, drawn, tracked, truth
from tools.embedder_score import best_f1, report_films, separation

TRAINED_ON = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer")
LOOSE_ONLY = ("sol_levante_15s",)
SHOWS = 320
HELD_OUT = range(9000, 9030)
"""Seeds of drawn shows that are never trained on."""
BATCH_SHOWS, BATCH_CAST, BATCH_VIEWS = 2, 8, 4
BATCH_FILM = 32
TEMPERATURE = 0.1
HEAD_RATE, TRUNK_RATE = 1e-3, 2e-4
AVERAGE = 0.99
KNOWN, UNKNOWN = -1, -2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("draw", "start", "drawn", "fold", "ship"))
    parser.add_argument("film", nargs="?", choices=TRAINED_ON, help="the film left out of a fold")
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    parser.add_argument("--work", type=Path, default=Path("build/embedder"))
    parser.add_argument("--shows", type=int, default=SHOWS)
    parser.add_argument("--batches", type=int, default=800)
    parser.add_argument("--size", type=int, default=CROP_SIZE, help="crops are scaled to this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    shows = drawn(args.work / "cache", range(args.shows))
    held_out = drawn(args.work / "cache", HELD_OUT)
