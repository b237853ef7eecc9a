from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from murid.core.types import Detections, Frame
from murid.detection.config import DetectionConfig
from murid.detection.network_detector import NetworkDetector
from murid.errors import ArrayError, ModelError

EXACT = DetectionConfig(precision="f32")


def make_image(*cells: tuple[int, int, int], width: int = 128, height: int = 96) -> np.ndarray:
    """Black, with 4x4-pixel cells (row, column, red value) in it."""
    image = np.zeros((height, width, 3), np.uint8)
    for row, column, red in cells:
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 0] = red
    return image


def test_boxes_scores_and_embeddings_of_a_known_image(detector_path, embedder_path):
    detector = NetworkDetector(detector_path, embedder_path, EXACT)
    (found,) = detector.detect([make_image((10, 20, 255), (5, 5, 204))])
    # centres (82, 42) and (22, 22); boxes of 3 x 2 cells
    np.testing.assert_allclose(found.boxes, [[76, 38, 88, 46], [16, 18, 28, 26]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [1, 0.6], atol=1e-5)
    expected = found.boxes / np.linalg.norm(found.boxes, axis=1, keepdims=True)
    np.testing.assert_allclose(found.embeddings, expected, atol=1e-5)


def test_boxes_are_in_image_pixels_and_embeddings_use_input_pixels(detector_path, embedder_path):
    detector = NetworkDetector(detector_path, embedder_path, EXACT)
    small = make_image(
        (4, 20, 255), width=128, height=72
    )  # the input is 128 x 96: 12 rows of border above
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    (one,), (three,) = detector.detect([small]), detector.detect([large])
    np.testing.assert_allclose(one.boxes, [[76, 14, 88, 22]], atol=1e-4)
    np.testing.assert_allclose(three.boxes, 3 * one.boxes, atol=1e-3)
    np.testing.assert_allclose(three.embeddings, one.embeddings, atol=1e-5)
    assert one.embeddings[0, 1] / one.embeddings[0, 0] == pytest.approx((14 + 12) / 76, rel=1e-4)


def test_a_batch_of_different_images_keeps_its_order(detector_path, embedder_path):
    detector = NetworkDetector(detector_path, embedder_path, EXACT)
    images = [
        make_image(*[(3 + 3 * (i % 6), 4 + 3 * j, 255) for j in range(i % 4)]) for i in range(24)
    ]
    images[7] = make_image((4, 4, 255), width=160, height=160)
    together = detector.detect(images)
    assert [len(d) for d in together[:7]] == [i % 4 for i in range(7)]
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect([image])
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.embeddings, alone.embeddings)


def test_results_are_not_overwritten_by_the_next_image(detector_path, embedder_path):
    detector = NetworkDetector(
        detector_path, embedder_path, dataclasses.replace(EXACT, n_threads=1)
    )
    (first,) = detector.detect([make_image((10, 20, 255))])
    boxes, embeddings = first.boxes.copy(), first.embeddings.copy()
    detector.detect([make_image((5, 5, 255))])
    np.testing.assert_array_equal(first.boxes, boxes)
    np.testing.assert_array_equal(first.embeddings, embeddings)


def test_an_image_without_animals_gives_empty_detections(detector_path, embedder_path):
    (with_embedder,) = NetworkDetector(detector_path, embedder_path).detect([make_image()])
    (without,) = NetworkDetector(detector_path).detect([make_image()])
    assert with_embedder.embeddings.shape == (0, 4)
    assert isinstance(without, Detections)
    assert without.embeddings is None
    assert NetworkDetector(detector_path).detect([]) == []


def test_box_mode_and_calibration_come_from_the_file(write_network):
    detector = NetworkDetector(
        write_network("detector", box_mode="wh", score_scale="2", score_bias="-1"), None, EXACT
    )
    (found,) = detector.detect([make_image((5, 5, 204))])
    logit = 2 * np.log(0.6 / 0.4) - 1
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-4)


def test_distances_to_the_sides(write_network, tiny_metadata):
    metadata = dataclasses.replace(tiny_metadata, box_mode="ltrb")
    detector = NetworkDetector(write_network("detector", metadata=metadata), None, EXACT)
    (found,) = detector.detect([make_image((10, 20, 255))])
    np.testing.assert_allclose(found.boxes, [[78, 40, 90, 48]], atol=1e-4)


def test_settings_reach_the_network(detector_path):
    image = make_image((5, 5, 204), (5, 6, 204), (15, 20, 255))
    assert len(NetworkDetector(detector_path, None, EXACT).detect([image])[0]) == 3
    one = NetworkDetector(detector_path, None, dataclasses.replace(EXACT, max_detections=1)).detect(
        [image]
    )
    strict = NetworkDetector(
        detector_path, None, dataclasses.replace(EXACT, score_threshold=0.8)
    ).detect([image])
    merged = NetworkDetector(
        detector_path, None, dataclasses.replace(EXACT, duplicate_iou=0.4)
    ).detect([image])
    assert [len(found[0]) for found in (one, strict, merged)] == [1, 1, 2]


def test_precision_and_input_size_can_be_chosen(detector_path):
    image = make_image((10, 20, 255))
    config = DetectionConfig(precision="bf16", max_side_px=256, batch_size=1)
    (found,) = NetworkDetector(detector_path, None, config).detect([image])
    assert len(found) >= 1
    assert np.abs(found.boxes[0, :2] + found.boxes[0, 2:] - [164, 84]).max() <= 8


def test_the_fingerprint_depends_on_weights_and_results_settings_only(
    detector_path, embedder_path, write_network
):
    detector = NetworkDetector(detector_path, embedder_path)
    same = NetworkDetector(detector_path, embedder_path, DetectionConfig(n_threads=1, batch_size=2))
    others = [
        NetworkDetector(detector_path, None),
        NetworkDetector(detector_path, embedder_path, DetectionConfig(max_detections=5)),
        NetworkDetector(write_network("detector", score_bias="1"), embedder_path),
    ]
    assert detector.fingerprint == same.fingerprint
    assert len({detector.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert detector.name == "tiny"
    assert not detector.needs_background


class TestBackground:
    """Of a network whose heatmap is the difference from the background."""

    @pytest.fixture
    def detector(self, write_network, tiny_metadata) -> NetworkDetector:
        return NetworkDetector(
            write_network("detector", metadata=dataclasses.replace(tiny_metadata, n_channels=4)),
            None,
            EXACT,
        )

    @staticmethod
    def make_frames(cells: list[tuple[int, int]]) -> list[Frame]:
        """Images twice as large as the input, with a static bright spot and one that moves."""
        images = [
            make_image((3, 3, 255), (*cell, 255)).repeat(2, axis=0).repeat(2, axis=1)
            for cell in cells
        ]
        return [Frame(k, k / 30, image) for k, image in enumerate(images)]

    def test_static_objects_are_part_of_the_background(self, detector):
        frames = self.make_frames([(8 + k, 10 + 2 * k) for k in range(9)])
        assert detector.needs_background
        detector.fit(iter(frames))
        for k, found in enumerate(detector.detect([frame.image for frame in frames])):
            np.testing.assert_allclose(
                found.boxes,
                [[8 * (10 + 2 * k) - 8, 8 * (8 + k) - 4, 8 * (12 + 2 * k), 8 * (9 + k) + 4]],
                atol=9,
            )
            assert found.scores[0] > 0.9

    def test_without_fit_the_difference_is_zero(self, detector):
        assert len(detector.detect([self.make_frames([(8, 10)])[0].image])[0]) == 0

    @pytest.mark.parametrize("n_frames", [0, 4])
    def test_too_few_frames_give_no_background(self, detector, n_frames: int):
        frames = self.make_frames([(8 + k, 10) for k in range(n_frames)])
        detector.fit(frames)
        assert len(detector.detect([self.make_frames([(20, 20)])[0].image])[0]) == 0

    def test_a_moving_camera_gives_no_background(self, detector):
        noise = np.random.default_rng(0).integers(0, 256, (8, 96, 128, 3), dtype=np.uint8)
        detector.fit([Frame(k, k / 30, image) for k, image in enumerate(noise)])
        assert len(detector.detect([noise[0]])[0]) == 0

    def test_frames_of_different_sizes_give_no_background(self, detector):
        frames = self.make_frames([(8 + k, 10) for k in range(8)])
        other = Frame(8, 1.0, np.zeros((80, 256, 3), np.uint8))
        detector.fit([*frames, other])
        assert len(detector.detect([frames[0].image])[0]) == 0

    def test_the_fingerprint_includes_the_background(self, detector):
        seen = [detector.fingerprint]
        for step in (1, 2):
            detector.fit(
                self.make_frames([(4 + step * (k % 8), 10 + 2 * k) for k in range(9)])[: 7 + step]
            )
            seen.append(detector.fingerprint)
        detector.fit([])
        assert len(set(seen)) >= 2
        assert detector.fingerprint not in seen[1:]


def test_a_wrong_image_is_refused(detector_path):
    with pytest.raises(ArrayError, match="image"):
        NetworkDetector(detector_path).detect([np.zeros((32, 32), np.uint8)])


class TestForeignFiles:
    def test_missing(self, tmp_path: Path):
        self.check(tmp_path / "none.onnx", "file")

    def test_directory(self, tmp_path: Path):
        self.check(tmp_path, "file")

    def test_text_with_another_name(self, tmp_path: Path):
        path = tmp_path / "text.onnx"
        path.write_text("not a network")
        self.check(path, "murid.format")

    def test_network_of_another_project(self, tmp_path: Path, detector_path: Path):
        model = onnx.load(detector_path)
        onnx.helper.set_model_props(model, {"author": "somebody else"})
        onnx.save(model, tmp_path / "foreign.onnx")
        self.check(tmp_path / "foreign.onnx", "murid.format")

    def test_truncated_file(self, tmp_path: Path, detector_path: Path):
        content = detector_path.read_bytes()
        (tmp_path / "half.onnx").write_bytes(b"murid.format" + content[: len(content) // 2])
        self.check(tmp_path / "half.onnx", "file")

    def test_other_ports(self, tmp_path: Path, detector_path: Path):
        model = onnx.load(detector_path)
        model.graph.output.pop()
        onnx.save(model, tmp_path / "ports.onnx")
        assert "p5" in self.check(tmp_path / "ports.onnx", "outputs").expected

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("format", "2"),
            ("format", "one"),
            ("kind", "embedder"),
            ("box_mode", "xyxy"),
            ("longest_side", "long"),
            ("score_scale", "-1"),
            ("score_scale", "nan"),
        ],
    )
    def test_entry_with_a_wrong_value(self, write_network, field: str, value: str):
        error = self.check(write_network("detector", **{field: value}), f"murid.{field}")
        assert error.got in (value, f"{float(value)}" if field == "score_scale" else value)

    def test_size_head_that_contradicts_the_box_mode(self, write_network):
        self.check(write_network("detector", box_mode="ltrb"), "size")

    def test_missing_entry(self, tmp_path: Path, detector_path: Path):
        model = onnx.load(detector_path)
        properties = {p.key: p.value for p in model.metadata_props if p.key != "murid.stride"}
        onnx.helper.set_model_props(model, properties)
        onnx.save(model, tmp_path / "entry.onnx")
        self.check(tmp_path / "entry.onnx", "murid.stride")

    def test_embedder_of_other_weights(self, detector_path: Path, write_network):
        embedder = write_network("embedder", weights_id="weights-2")
        with pytest.raises(ModelError) as caught:
            NetworkDetector(detector_path, embedder)
        assert caught.value.path == embedder
        assert caught.value.field == "murid.weights_id"

    @staticmethod
    def check(path: Path, field: str) -> ModelError:
        with pytest.raises(ModelError) as caught:
            NetworkDetector(path)
        assert caught.value.path == path
        assert caught.value.field == field
        return caught.value


def test_the_bindings_are_initialised_before_threads_use_them():
    """Two threads deadlocked once on the first images of a process."""
    code = (
        "import threading, numpy as np\n"
        "from murid.detection.openvino_import import openvino\n"
        "gate = threading.Barrier(8)\n"
        "def pass_array():\n"
        "    gate.wait(); openvino.Tensor(np.zeros((3, 4), np.float32))\n"
        "threads = [threading.Thread(target=pass_array) for _ in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
