"""The mean of weights of one kind, by shares: what ships is one.

    python tools/mean_weights.py OUT.safetensors coco:0.3 DRAWN.safetensors:0.7
    python tools/mean_weights.py OUT.safetensors BEFORE.safetensors:0.5 AFTER.safetensors:0.5

``coco`` stands for the weights that the detector's training starts from. What lies between weights
of one training and what it came from often holds better on other pictures than either (Wortsman et
al., "Robust fine-tuning of zero-shot models", CVPR 2022), and so does what lies between several
trainings from one start (Wortsman et al., "Model soups", ICML 2022).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.coco_weights import coco_start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", nargs="+", help="FILE:SHARE or coco:SHARE; shares add up to 1")
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    args = parser.parse_args()
    named = [part.rsplit(":", 1) for part in args.parts]
    if abs(sum(float(share) for _, share in named) - 1) > 1e-6:
        parser.error("the shares have to add up to 1")
    total: dict[str, Tensor] = {}
    metadata: dict[str, str] | None = None
    for name, share in named:
        if name == "coco":
            state = coco_start(args.pretrained).state_dict()
        else:
            state = load_file(name)
            with safe_open(name, "pt") as file:
                metadata = file.metadata()
        if total and total.keys() != state.keys():
            parser.error(f"{name} is of another kind")
        for key, value in state.items():
            part = value.float() * float(share)
            total[key] = total[key] + part if key in total else part
    half = {name: value.half().contiguous() for name, value in total.items()}
    save_file(half, args.out, metadata=metadata)
    args.out.chmod(0o644)


if __name__ == "__main__":
    main()
