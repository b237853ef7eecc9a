"""Damaged input of every kind, at random: a clear sentence or a result, never a crash or a hang."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from configs import BACKGROUND

import murid
from murid import errors
from murid.cli.labelled_data import read_all
from murid.datasets.raw_labels import ReadOptions
from murid.detection.detector import load_detector
from murid.export.metadata import read_metadata
from murid.pipeline.track import track
from murid.store import RunDirectory

N_QUICK, N_SLOW = 20, 200
LONGEST_S = 20.0
MOST = [pytest.param(N_QUICK, id="some"), pytest.param(N_SLOW, id="many", marks=pytest.mark.slow)]


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, overwrite, cut out, repeat or cut off."""
    bad, n = bytearray(data), len(data)
    for _ in range(int(rng.integers(1, 6))):
        where, length = int(rng.integers(n)), int(rng.integers(1, max(2, n // 20)))
        match int(rng.integers(5)):
            case 0:
                bad[min(where, len(bad) - 1)] ^= 1 << int(rng.integers(8))
            case 1:
                bad[where : where + length] = rng.bytes(min(length, max(0, len(bad) - where)))
            case 2:
                del bad[where : where + length]
            case 3:
                bad[where:where] = bad[where : where + length]
            case _:
                del bad[max(1, n - length) :]
        if not bad:
            bad = bytearray(b"\0")
    return bytes(bad)


def attempt(work) -> str:
    """What came of it: ``ok``, or the error, which must be murid's own, and soon."""
    started = time.monotonic()
    try:
        work()
        said = "ok"
    except errors.MuridError as error:
        said = str(error)
        assert len(said) > 10
    assert time.monotonic() - started < LONGEST_S
    return said


@pytest.mark.parametrize("n", MOST)
@pytest.mark.usefixtures("tracked")  # the first to be tracked on a machine waits for the compiler
def test_videos(clip, tmp_path, n):
    rng, data, said = np.random.default_rng(n), clip.read_bytes(), []
    for k in range(n):
        video, run = tmp_path / f"{k}.mp4", tmp_path / f"{k}.murid"
        video.write_bytes(damage(data, rng))
        said.append(attempt(lambda v=video, r=run: track(v, animals=3, config=BACKGROUND, out=r)))
        if said[-1] == "ok":
            assert len(murid.Run.open(run).tracks().detections.frame_offsets) > 1
        shutil.rmtree(run, ignore_errors=True)
    assert len(set(said)) > 2


@pytest.mark.parametrize("n", MOST)
def test_run_directories(tracked, tmp_path, n):
    rng, said = np.random.default_rng(n), []
    files = sorted(
        p.relative_to(tracked) for p in tracked.rglob("*") if p.suffix in (".parquet", ".json")
    )
    run = tmp_path / "run.murid"
    for _ in range(n):
        shutil.copytree(tracked, run)
        file = run / files[int(rng.integers(len(files)))]
        file.write_bytes(damage(file.read_bytes(), rng))

        def use():
            opened = murid.Run.open(run)
            opened.info()
            opened.export("csv", tmp_path / "out.csv")
            with RunDirectory.open(run, writable=True) as directory:
                directory.detections.find_damaged()

        said.append(attempt(use))
        shutil.rmtree(run)
    assert said.count("ok") < n
    assert len(set(said)) > 2


def grow_json(value, rng):
    """Replace something in a document by something of another kind."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = sorted(value)[int(rng.integers(len(value)))]
        return {**value, key: grow_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        k = int(rng.integers(len(value)))
        return [*value[:k], grow_json(value[k], rng), *value[k + 1 :]]
    others = [None, -1, 1e308, "../../etc/passwd", [], {}, True, "9" * 40, 2**70]
    return others[int(rng.integers(len(others)))]


@pytest.mark.parametrize("n", MOST)
def test_manifests(tracked, tmp_path, n):
    rng, said = np.random.default_rng(n), []
    whole = json.loads((tracked / "manifest.json").read_text())
    run = shutil.copytree(tracked, tmp_path / "run.murid")
    before = set(tmp_path.rglob("*"))
    for _ in range(n):
        (run / "manifest.json").write_text(json.dumps(grow_json(whole, rng)))
        said.append(attempt(lambda: murid.Run.open(run).info()))
        assert set(tmp_path.rglob("*")) == before
    assert said.count("ok") < n


@pytest.mark.parametrize("n", MOST)
def test_networks(tmp_path, n):
    shipped = Path(murid.__file__).parent / "detection" / "weights"
    rng = np.random.default_rng(n)
    data = [(shipped / f"nano-{part}.onnx").read_bytes() for part in ("detector", "embedder")]
    image, said = np.zeros((64, 64, 3), np.uint8), []
    for k in range(n // 10):
        network = tmp_path / f"{k}-detector.onnx"
        network.write_bytes(damage(data[0], rng) if k % 2 else data[0])
        (tmp_path / f"{k}-embedder.onnx").write_bytes(data[1] if k % 2 else damage(data[1], rng))
        said.append(attempt(lambda path=network: load_detector(path).detect([image])))
    assert said.count("ok") < n


@pytest.mark.parametrize("n", MOST)
def test_texts(clip, tmp_path, n):
    rng = np.random.default_rng(n)
    texts = {
        "gt.txt": clip.with_name("gt.txt").read_bytes(),
        "labels.json": json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3]}],
                "categories": [{"id": 1, "name": "mouse"}],
            }
        ).encode(),
        "session.toml": b'[session]\nlab = "A"\n'
        b'[subjects.animal_1]\nsex = "F"\nspecies = "Mus musculus"\n',
    }
    said = []
    for k in range(n):
        name = sorted(texts)[k % len(texts)]
        path = tmp_path / name
        path.write_bytes(damage(texts[name], rng))
        if name.endswith(".toml"):
            said.append(attempt(lambda p=path: read_metadata(p)))
        else:
            said.append(attempt(lambda p=path: read_all([p], ReadOptions(require_images=False))))
    assert len(set(said)) > 2
