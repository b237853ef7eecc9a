"""Ablation of the training data: the same training with and without videos of real animals.

    python benchmarks/ablation.py --out runs/ablation --solo A.mp4 B.mp4 --labelled FOLDER ...
    [--poses LABELS.h5]

Each row is a training of the preset nano from random weights, of as many steps, measured as
`weights.py` does on recordings that are in no training set. Images have half the default size in
training and measurement (128 and 256 pixels), so that a row takes minutes on two cores. Rows that
exist already are not trained again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from weights import measure, measure_poses, read_labelled

from murid.detection.config import DetectionConfig
from murid.detection.detector import load_detector
from murid.networks.onnx_export import export_onnx
from murid.synthetic.still import StillConfig
from murid.training.config import ClipConfig, TrainConfig
from murid.training.fit import TrainingData, fit
from murid.training.synthetic_sources import SyntheticSources, collect_sources
from murid.training.training_clips import render_clips

# Sides of images in training, and in measurement.
SIZE_PX = 128
MAX_SIDE_PX = 256
# Each row adds one source of real animals.
SYNTHETIC = ClipConfig(n_synthetic=100, composed_share=0.0, solo_share=0.0)
ROWS = {
    "synthetic": SYNTHETIC,
    "+ cut-outs and frames": replace(SYNTHETIC, solo_share=0.1),
    "+ composed recordings": replace(SYNTHETIC, solo_share=0.1, composed_share=0.12),
}


def make_config(clips: ClipConfig, steps: int, seed: int) -> TrainConfig:
    """Return the settings of one training."""
    stills = StillConfig(size_px=SIZE_PX, body_px=(11.0, 75.0))
    return TrainConfig(
        size_px=SIZE_PX,
        stills=stills,
        clips=clips,
        epochs=2,
        steps_per_epoch=steps // 2,
        seed=seed,
    )


def main() -> None:
    """Train the missing rows and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--solo", type=Path, nargs="+", required=True)
    parser.add_argument("--labelled", type=Path, nargs="+", required=True)
    parser.add_argument("--poses", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    stored = arguments.out / "rows.json"
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = json.loads(stored.read_text()) if stored.exists() else {}
    # Prepare the data once for all rows.
    real = collect_sources(arguments.solo, n_composed=16)
    synthetic_clips = render_clips(SYNTHETIC.n_synthetic, 10**6, real.n_identities)
    for seed in range(arguments.seeds):
        for name, clips in ROWS.items():
            key = f"{name} | {seed}"
            if key in rows:
                continue
            base = SyntheticSources() if name == "synthetic" else real
            sources = replace(base, synthetic_clips=synthetic_clips)
            out = arguments.out / key.replace(" | ", "-").replace(" ", "-")
            fitted = fit(make_config(clips, arguments.steps, seed), TrainingData(sources), out)
            result = fitted.validation
            export_onnx(
                fitted.network,
                out,
                "nano",
                score_scale=result.score_scale,
                score_bias=result.score_bias,
            )
            network = load_detector(
                out / "nano-detector.onnx", DetectionConfig(max_side_px=MAX_SIDE_PX)
            )
            # The first two columns are average precision.
            cells = [
                " | ".join(measure(network, read_labelled(f)).split(" | ")[:2])
                for f in arguments.labelled
            ]
            if arguments.poses:
                cells.append(measure_poses(network, arguments.poses))
            rows[key] = " | ".join(cells)
            stored.write_text(json.dumps(rows, indent=1))
    columns = [
        f"{folder.name} {figure}" for folder in arguments.labelled for figure in ("AP50", "AP75")
    ]
    columns += ["head inside box"] if arguments.poses else []
    print("| training | seed | " + " | ".join(columns) + " |\n" + "|---" * (2 + len(columns)) + "|")
    for key, cells in rows.items():
        print(f"| {key} | {cells} |")


if __name__ == "__main__":
    main()
