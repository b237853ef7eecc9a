from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import murid.detection.detector
from murid.detection.background_subtraction import BackgroundDetector
from murid.detection.config import DetectionConfig
from murid.detection.detector import Detector, load_detector
from murid.detection.network_detector import NetworkDetector
from murid.errors import ConfigError, ModelError


def test_the_background_detector_by_name():
    detector: Detector = load_detector("background", DetectionConfig(max_detections=3))
    assert isinstance(detector, BackgroundDetector)
    assert detector.config.max_detections == 3


def test_a_path_loads_the_embedder_in_the_same_folder(detector_path, embedder_path):
    detector: Detector = load_detector(detector_path)
    assert isinstance(detector, NetworkDetector)
    assert detector.name == "tiny"
    (found,) = detector.detect([np.zeros((64, 64, 3), np.uint8)])
    assert found.embeddings is not None
    embedder_path.unlink()
    assert (
        load_detector(str(detector_path)).detect([np.zeros((64, 64, 3), np.uint8)])[0].embeddings
        is None
    )


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"nano, background.*enormous"):
        load_detector("enormous")


@pytest.mark.parametrize("name", ["none-detector.onnx", "video.mp4"])
def test_a_file_not_exported_by_murid_is_refused(tmp_path: Path, name: str):
    (tmp_path / "video.mp4").write_bytes(b"not a network")
    with pytest.raises(ModelError) as caught:
        load_detector(tmp_path / name)
    assert caught.value.path == tmp_path / name


def test_an_embedder_given_as_detector_is_refused(embedder_path):
    with pytest.raises(ModelError, match=r"murid\.kind.*detector.*embedder"):
        load_detector(embedder_path)


def test_the_shipped_network_detects_nothing_on_an_empty_floor():
    weights = Path(murid.detection.detector.__file__).parent / "weights"
    if not (weights / "nano-detector.onnx").exists():
        pytest.skip("no weights are shipped yet")
    detector = load_detector("nano", DetectionConfig(score_threshold=0.4))
    assert isinstance(detector, NetworkDetector)
    (found,) = detector.detect([np.full((480, 640, 3), 150, np.uint8)])
    assert len(found) == 0
    assert found.embeddings is not None
    assert found.embeddings.shape == (0, detector.metadata.embedding_size)


def test_detection_imports_neither_torch_nor_onnx():
    heavy = "{'torch', 'onnx', 'onnxruntime'}"
    code = f"import sys, murid.detection.detector; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
