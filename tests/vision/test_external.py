"""Detectors of other people, with tiny or untrained models made on the spot."""

from __future__ import annotations

import json
import string
from pathlib import Path

import numpy as np
import pytest
import torch

from caststream.errors import ModelError
from caststream.vision.detector import FLOOR, Detector

PICTURES = np.zeros((2, 64, 96, 3), np.uint8)


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


def onnx_file(path: Path, rows: list[list[float]], channels: int = 3) -> Path:
    """An ONNX model that says ``rows`` of every black picture: rows + mean(picture)."""

    def tensor_type(dims: tuple[int, ...]) -> bytes:
        shape = b"".join(field(1, field(1, d)) for d in dims)
        return field(2, field(1, field(1, 1) + field(2, shape)))

    table = np.asarray(rows, np.float32)[None]
    constant = b"".join(field(1, d) for d in table.shape) + field(2, 1) + field(8, "table")
    constant += field(9, table.tobytes())
    axes = field(1, "axes") + b"".join(field(8, a) for a in (1, 2, 3)) + field(20, 7)
    flat = field(1, "keepdims") + field(3, 0) + field(20, 2)
    mean = field(1, "images") + field(2, "mean") + field(4, "ReduceMean") + field(5, axes)
    total = field(1, "table") + field(1, "mean") + field(2, "out") + field(4, "Add")
    graph = field(1, mean + field(5, flat)) + field(1, total) + field(2, "g") + field(5, constant)
    graph += field(11, field(1, "images") + tensor_type((1, channels, 64, 96)))
    graph += field(12, field(1, "out") + tensor_type(table.shape))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def test_onnx_rows_are_boxes_with_score_and_class(tmp_path: Path) -> None:
    rows = [
        [8, 8, 40, 60, 0.6, 0],  # a person
        [-20, 10, 30, 90, 0.9, 16],  # a dog, cut by the edge
        [8, 8, 40, 59, 0.5, 0],  # the person again
        [50, 5, 90, 60, 0.95, 2],  # a car
        [60, 5, 90, 60, FLOOR / 2, 0],
    ]
    detector = Detector.load(f"onnx:{onnx_file(tmp_path / 'rows.onnx', rows)}")
    assert detector.size_for(1920, 1080) == (96, 64)
    found = detector.detect(PICTURES)
    assert len(found) == 2
    for boxes, scores in found:
        np.testing.assert_allclose(boxes, [[0, 10, 30, 64], [8, 8, 40, 60]])
        np.testing.assert_allclose(scores, [0.9, 0.6])


@pytest.mark.parametrize(("classes", "liked", "score"), [(80, 15, 0.7), (80, 3, None), (5, 3, 0.7)])
def test_onnx_columns_are_boxes_with_class_scores(
    tmp_path: Path, classes: int, liked: int, score: float | None
) -> None:
    columns = np.zeros((4 + classes, 9), np.float32)
    columns[:4, 4] = (30, 40, 20, 10)
    columns[4 + liked, 4] = 0.7
    detector = Detector.load(f"onnx:{onnx_file(tmp_path / 'c.onnx', columns.tolist())}")
    boxes, scores = detector.detect(PICTURES[:1])[0]
    if score is None:
        assert len(boxes) == 0
    else:
        np.testing.assert_allclose(boxes, [[20, 35, 40, 45]], rtol=1e-5)
        np.testing.assert_allclose(scores, [score], rtol=1e-5)


def test_onnx_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no ONNX file"):
        Detector.load(f"onnx:{tmp_path / 'missing.onnx'}")
    path = tmp_path / "x.onnx"
    path.write_bytes(b"text")
    with pytest.raises(ModelError, match="not an ONNX model"):
        Detector.load(f"onnx:{path}")
    with pytest.raises(ModelError, match="needs one input"):
        Detector.load(f"onnx:{onnx_file(path, [[0.0] * 6], channels=1)}")
    odd = Detector.load(f"onnx:{onnx_file(path, [[0.0] * 7] * 3)}")
    with pytest.raises(ModelError, match="neither"):
        odd.detect(PICTURES)


def test_torchvision_models_come_from_the_hub_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import get_model, get_model_weights

    name = "ssdlite320_mobilenet_v3_large"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="no weights at"):
        Detector.load(f"torchvision:{name}")
    with pytest.raises(ModelError, match="no detector 'resnet18'"):
        Detector.load("torchvision:resnet18")
    torch.manual_seed(0)
    model = get_model(name, weights=None, weights_backbone=None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    file = folder / Path(get_model_weights(name).DEFAULT.url).name
    torch.save(model.state_dict(), file)
    detector = Detector.load(f"torchvision:{name}", "cpu")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    for boxes, scores in detector.detect(pictures):
        assert boxes.dtype == scores.dtype == np.float32 and boxes.shape == (len(scores), 4)
        assert (np.diff(scores) <= 0).all() and (boxes <= (96, 64, 96, 64)).all()


def test_hugging_face_models_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ModelError, match=r"caststream\[hf\]"):
        Detector.load("hf:any/model")


def test_hugging_face_models_are_looked_for_offline(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
    with pytest.raises(ModelError, match="hf download"):
        Detector.load(f"hf:{tmp_path / 'missing'}")
    config = transformers.YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[64, 96],
        num_detection_tokens=5,
        use_mid_position_embeddings=False,
        id2label={0: "car", 1: "dog"},
    )
    transformers.YolosForObjectDetection(config).save_pretrained(tmp_path)
    processor = transformers.YolosImageProcessor(size={"height": 64, "width": 96})
    processor.save_pretrained(tmp_path)
    detector = Detector.load(f"hf:{tmp_path}", "cpu")
    for boxes, scores in detector.detect(PICTURES):
        assert boxes.shape == (len(scores), 4) and len(scores) <= 5


def test_models_of_open_vocabulary_are_asked_in_words(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
    ends = [f"{letter}</w>" for letter in string.ascii_lowercase]
    words = ["!", "<|endoftext|>", "<|startoftext|>", *string.ascii_lowercase, *ends, "an</w>"]
    (tmp_path / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na n</w>\n")
    tokens = transformers.CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    tiny = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    tiny["num_hidden_layers"] = 1
    said = {"vocab_size": len(words), "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    config = transformers.Owlv2Config(
        text_config={**said, "max_position_embeddings": 32, **tiny},
        vision_config={"image_size": 64, "patch_size": 16, **tiny},
        projection_dim=16,
    )
    torch.manual_seed(0)
    transformers.Owlv2ForObjectDetection(config).save_pretrained(tmp_path)
    images = transformers.Owlv2ImageProcessor(size={"height": 64, "width": 64})
    transformers.Owlv2Processor(images, tokens).save_pretrained(tmp_path)
    one, other = (Detector.load(f"hf:{tmp_path}", "cpu", prompt) for prompt in ("a robot", "a cat"))
    pictures = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    found, again = one.detect(pictures)[0], other.detect(pictures)[0]
    assert one.digest != other.digest
    assert len(found[0]) and found[0].min() >= 0 and (found[0] <= (96, 64, 96, 64)).all()
    assert found[1].tolist() != again[1].tolist()


def test_grounding_models_are_asked_in_words(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "a", "robot", "cat"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tiny = {"num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1}
    parts = {
        f"{part}_{k}": 2 for part in ("encoder", "decoder") for k in ("layers", "attention_heads")
    }
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=transformers.BertConfig(vocab_size=len(words), hidden_size=16, **tiny),
        d_model=32,
        num_queries=10,
        max_text_len=32,
        **parts,
    )
    torch.manual_seed(0)
    transformers.GroundingDinoForObjectDetection(config).save_pretrained(tmp_path)
    images = transformers.GroundingDinoImageProcessor(size={"height": 64, "width": 96})
    tokens = transformers.BertTokenizer(str(tmp_path / "vocab.txt"))
    transformers.GroundingDinoProcessor(images, tokens).save_pretrained(tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    said = []
    for prompt in ("a robot", "a cat"):
        found = Detector.load(f"hf:{tmp_path}", "cpu", prompt).detect(pictures)
        assert len(found) == 2 and all(len(boxes) for boxes, _ in found)
        said.append(found[0][1].tolist())
    assert said[0] != said[1]


@pytest.mark.parametrize("spec", ["timm:resnet18", "huggingface:any", "yolo:x.pt"])
def test_unknown_kinds_of_detectors_are_told_the_known_ones(spec: str) -> None:
    with pytest.raises(ModelError, match="torchvision:NAME, onnx:PATH or hf:MODEL"):
        Detector.load(spec)
