"""Embedders of other people, with tiny or untrained models made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from caststream.errors import ModelError
from caststream.vision.embedder import DIMENSIONS, Embedder
from caststream.vision.external_embedders import IMAGENET, plain_head


def crops(size: int, count: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def check(embedder: Embedder, size: int, features: int) -> None:
    """Crops of the model's size give features and unit vectors that a head turns again."""
    assert embedder.crop_size == size
    assert embedder.features_dim == features
    pixels = crops(size)
    vectors, found = embedder.embed(pixels)
    assert found.shape == (3, features)
    spread = float(found.astype(np.float32).std())
    assert 0 < spread < 1e4
    assert vectors.shape == (3, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = embedder.features(pixels[1:2]).astype(np.float32)
    np.testing.assert_allclose(alone[0], found[1], rtol=0.05, atol=0.05 * spread)


@pytest.mark.parametrize("features", [5, 256, 900])
def test_the_plain_head_keeps_angles(features: int) -> None:
    rng = np.random.default_rng(0)
    head = plain_head(features)
    rows = rng.normal(size=(40, features)) + 0.5 * rng.normal(size=(40, 1))
    short = rows @ head["weight"]
    assert short.shape == (40, DIMENSIONS)

    def cosines(x: np.ndarray) -> np.ndarray:
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return unit @ unit.T

    exact = features <= DIMENSIONS
    np.testing.assert_allclose(cosines(short), cosines(rows), atol=1e-5 if exact else 0.25)


# --- ONNX -------------------------------------------------------------------------------------


def field(number: int, value: bytes | int | str) -> bytes:
    """One field of a protocol buffer: a number, or a length and bytes."""

    def varint(n: int) -> bytes:
        out = bytearray()
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes((*out, n))

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_file(path: Path, size: int, channels: int = 3) -> Path:
    """An ONNX model that says the mean of each channel: (1, C, S, S) -> (1, C)."""

    def tensor(name: str, *dims: int) -> bytes:
        shape = b"".join(field(1, field(1, d)) for d in dims)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    axes = field(1, "axes") + b"".join(field(8, a) for a in (2, 3)) + field(20, 7)
    flat = field(1, "keepdims") + field(3, 0) + field(20, 2)
    mean = field(1, "in") + field(2, "out") + field(4, "ReduceMean") + field(5, axes)
    graph = field(1, mean + field(5, flat)) + field(2, "g")
    graph += field(11, tensor("in", 1, channels, size, size)) + field(
        12, tensor("out", 1, channels)
    )
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def test_an_onnx_network_sees_normalised_crops(tmp_path: Path) -> None:
    embedder = Embedder.load(f"onnx:{onnx_file(tmp_path / 'mean.onnx', 32)}")
    check(embedder, 32, 3)
    pixels = crops(32)
    mean, deviation = (255 * np.array(values) for values in IMAGENET)
    plain = ((pixels - mean) / deviation).mean((1, 2))
    np.testing.assert_allclose(embedder.features(pixels), plain, atol=0.02)


def test_other_onnx_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no ONNX file at"):
        Embedder.load(f"onnx:{tmp_path / 'none.onnx'}")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="not an ONNX model"):
        Embedder.load(f"onnx:{tmp_path / 'text.onnx'}")
    with pytest.raises(ModelError, match=r"needs one input \(N, 3, S, S\)"):
        Embedder.load(f"onnx:{onnx_file(tmp_path / 'four.onnx', 32, 4)}")


# --- torchvision ------------------------------------------------------------------------------


def test_torchvision_classifiers_lose_their_last_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = pytest.importorskip("torchvision.models")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"no weights at .*checkpoints.*put there"):
        Embedder.load("torchvision:shufflenet_v2_x0_5", "cpu")
    weights = models.get_model_weights("shufflenet_v2_x0_5").DEFAULT
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    net = models.shufflenet_v2_x0_5(weights=None)
    # Untrained, its norms let next to nothing through: they have to see something once.
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.no_grad():
        net(torch.randn(4, 3, 64, 64))
    torch.save(net.state_dict(), folder / Path(weights.url).name)
    check(Embedder.load("torchvision:shufflenet_v2_x0_5", "cpu"), 224, 1024)


def test_unknown_torchvision_names_are_refused() -> None:
    with pytest.raises(ModelError, match=r"no classifier 'resnet51'; it has .*resnet50"):
        Embedder.load("torchvision:resnet51", "cpu")


# --- timm and Hugging Face --------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "package"), [("timm", "timm"), ("hf", "transformers")])
def test_extras_are_asked_for(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ModelError, match=rf"pip install 'caststream\[{kind}\]'"):
        Embedder.load(f"{kind}:anything", "cpu")


def test_a_timm_folder_is_read(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs the extra [timm]")
    with pytest.raises(ModelError, match="no safetensors weights of timm:resnet10t"):
        Embedder.load("timm:resnet10t", "cpu")
    net = timm.create_model("resnet10t", pretrained=False)
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    shown = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3}
    shown |= {"num_classes": 1000, "classifier": "fc", "first_conv": "conv1.0"}
    config = {"architecture": "resnet10t", "num_features": 512, "pretrained_cfg": shown}
    (tmp_path / "config.json").write_text(json.dumps(config))
    check(Embedder.load(f"timm:{tmp_path}", "cpu"), 64, 512)


def test_hugging_face_models_are_read_from_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
    with pytest.raises(ModelError, match="no vision model 'nobody/nothing'"):
        Embedder.load("hf:nobody/nothing", "cpu")
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    plain = transformers.Dinov2Model(transformers.Dinov2Config(image_size=56, **small))
    vision = {**small, "intermediate_size": 32, "image_size": 64, "patch_size": 16}
    both = transformers.SiglipModel(
        transformers.SiglipConfig(
            text_config={**small, "intermediate_size": 32, "vocab_size": 99},
            vision_config=vision,
        )
    )
    processor = transformers.ViTImageProcessor()
    for name, net, size in (("dino", plain, 56), ("siglip", both, 64)):
        net.save_pretrained(tmp_path / name)
        processor.save_pretrained(tmp_path / name)
        check(Embedder.load(f"hf:{tmp_path / name}", "cpu"), size, 32)
