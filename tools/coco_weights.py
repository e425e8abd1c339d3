"""The COCO detector NanoDet-Plus-m in ncnn's format: its weights for us, and itself as a baseline.

Licence of those weights: Apache-2.0, RangiLyu, github.com/RangiLyu/nanodet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from caststream.vision.networks import BINS, CharacterNet, fold_torchvision

COCO_CHARACTERS = (0, *range(14, 24), 77)
"""Person, ten animals, teddy bear: the COCO classes that can be characters."""
HALF_FLAG = 0x01306B47
# The layers of the ncnn graph in the order in which our pyramid and heads are written down; the
# graph itself lists them in the order of execution. Each number is one convolution.
PYRAMID = (
    "convrelu_39 convrelu_37 convrelu_36 "
    "convrelu_38 convdwrelu_0 conv_60 convdw_181 convdw_182 conv_61 "
    "convrelu_40 convdwrelu_1 conv_63 convdw_184 convdw_185 conv_64 "
    "convdwrelu_2 convrelu_41 convdwrelu_4 convrelu_43 "
    "convrelu_42 convdwrelu_3 conv_67 convdw_188 convdw_189 conv_68 "
    "convrelu_44 convdwrelu_5 conv_71 convdw_192 convdw_193 conv_72 "
    "convdwrelu_6 convrelu_46 convdwrelu_7 convrelu_45 "
)
HEADS = (
    "convdwrelu_8 convrelu_47 convdwrelu_9 convrelu_54 conv_77 "
    "convdwrelu_10 convrelu_48 convdwrelu_11 convrelu_53 conv_80 "
    "convdwrelu_12 convrelu_49 convdwrelu_13 convrelu_52 conv_83 "
    "convdwrelu_14 convrelu_50 convdwrelu_15 convrelu_51 conv_86 "
)


def read_ncnn(param: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of every convolution of an ncnn model, ``param`` beside its ``.bin``.

    Only what this one file needs: half-precision weights with a bias each.
    """
    data = param.with_suffix(".bin").read_bytes()
    place = 0
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for line in param.read_text().splitlines()[2:]:
        kind, name, inputs, outputs, *rest = line.split()
        if not kind.startswith("Convolution"):
            continue
        fields = rest[int(inputs) + int(outputs) :]
        settings = dict(field.split("=", 1) for field in fields)
        count, channels, size = (int(settings[key]) for key in ("6", "0", "1"))
        flag = int.from_bytes(data[place : place + 4], "little")
        if flag != HALF_FLAG:
            raise ValueError(f"{name}: weights are not stored in half precision ({flag:#x})")
        weight = np.frombuffer(data, np.float16, count, place + 4).astype(np.float32)
        place += 4 + (2 * count + 3) // 4 * 4
        bias = np.frombuffer(data, np.float32, channels, place).copy()
        place += 4 * channels
        shaped = weight.reshape(channels, -1, size, size)
        found[name] = (torch.from_numpy(shaped), torch.from_numpy(bias))
    if place != len(data):
        raise ValueError(f"{param.name}: {len(data) - place} bytes of the weights are left over")
    return found


def coco_start(folder: Path) -> CharacterNet:
    """Our network with the COCO detector's weights: score = its best class of a character."""
    from safetensors.torch import load_file

    net = CharacterNet()
    trunk = load_file(folder / "shufflenet_v2_x1_0_coco.safetensors")
    net.trunk.load_state_dict(fold_torchvision(trunk))
    layers = read_ncnn(folder / "nanodet-plus-m_416.ncnn.param")
    for part, listed in ((net.pyramid, PYRAMID), (net.heads, HEADS)):
        convolutions = [m for m in part.modules() if isinstance(m, nn.Conv2d)]
        for conv, name in zip(convolutions, listed.split(), strict=True):
            weight, bias = layers[name]
            if len(weight) == 80 + 4 * BINS:
                kept = [*COCO_CHARACTERS, *range(80, len(weight))]
                weight, bias = weight[kept], bias[kept]
            assert conv.bias is not None
            if conv.weight.shape != weight.shape:
                raise ValueError(f"{name}: shape {tuple(weight.shape)} does not fit")
            conv.weight.data.copy_(weight)
            conv.bias.data.copy_(bias)
    return net.eval()


class CocoBaseline:
    """The untouched COCO detector, run by the ``ncnn`` package (an optional peer)."""

    def __init__(self, folder: Path) -> None:
        import ncnn

        self._ncnn: Any = ncnn
        self._net = ncnn.Net()
        self._net.opt.num_threads = torch.get_num_threads()
        self._net.load_param(str(folder / "nanodet-plus-m_416.ncnn.param"))
        self._net.load_model(str(folder / "nanodet-plus-m_416.ncnn.bin"))

    def raw(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (N, 80) and raw distance bins (N, 4, 8) of one RGB picture, cells as ours."""
        height, width = picture.shape[:2]
        mat = self._ncnn.Mat.from_pixels(
            np.ascontiguousarray(picture), self._ncnn.Mat.PixelType.PIXEL_RGB2BGR, width, height
        )
        mat.substract_mean_normalize([103.53, 116.28, 123.675], [1 / 57.375, 1 / 57.12, 1 / 58.395])
        extractor = self._net.create_extractor()
        extractor.input("data", mat)
        scores, bins = [], []
        for stride in (8, 16, 32, 64):
            score = np.array(extractor.extract(f"cls{stride}")[1])
            side = np.array(extractor.extract(f"dis{stride}_pre")[1])
            scores.append(score.reshape(80, -1).T)
            bins.append(side.reshape(4 * BINS, -1).T.reshape(-1, 4, BINS))
        return np.concatenate(scores), np.concatenate(bins)
