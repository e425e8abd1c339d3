"""``python -m tools.synth OUT.mp4``: draw an episode, or several, with truth files beside them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .episode import make_episode
from .style import FAMILIES


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.synth", description="Draw cartoon episodes with exact truth."
    )
    parser.add_argument(
        "out", type=Path, metavar="OUT.mp4", help="file to write; the truth goes to OUT.truth.json"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the episode (default 0)")
    parser.add_argument(
        "--show-seed",
        type=int,
        help="seed of the show: cast, places and look (default: the episode's)",
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--fps", type=float, default=24.0)
    parser.add_argument("--style", choices=FAMILIES, help="rendering family (default: any)")
    parser.add_argument(
        "--episodes", type=int, default=1, help="draw so many: OUT-1.mp4, OUT-2.mp4 and so on"
    )
    args = parser.parse_args(argv)
    if args.width % 2 or args.height % 2 or min(args.width, args.height) < 16:
        parser.error(
            f"width and height must be even and at least 16, not {args.width}x{args.height}"
        )
    if args.seconds <= 0 or args.fps <= 0 or args.episodes < 1:
        parser.error("seconds, fps and episodes must be above 0")
    show = args.seed if args.show_seed is None else args.show_seed
    for episode in range(args.episodes):
        out = (
            args.out if args.episodes == 1 else args.out.with_stem(f"{args.out.stem}-{episode + 1}")
        )
        truth = make_episode(
            out,
            show_seed=show,
            episode_seed=args.seed + episode,
            seconds=args.seconds,
            width=args.width,
            height=args.height,
            fps=args.fps,
            style=args.style,
        )
        print(f"{out} {truth}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
