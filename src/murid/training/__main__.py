"""``python -m murid.training OUT --minutes 60 --solo VIDEO …``: train a network and write its ONNX pair."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cyclopts

from murid.models.to_onnx import export_onnx
from murid.scenes.still import make_still
from murid.training.fit import FitConfig, Trainer
from murid.training.material import Material, gather_material
from murid.training.validate import validate

app = cyclopts.App(help=__doc__)
_VALIDATION_SEED = 5 * 10**9
_N_VALIDATION = 300


@app.default
def main(
    out: Path,
    /,
    *,
    solo: list[Path] | None = None,
    config: Annotated[FitConfig, cyclopts.Parameter(name="*")] = FitConfig(),  # noqa: B008
) -> None:
    """Train a network on streamed scenes and write its ONNX pair.

    Parameters
    ----------
    out : Path
        Directory for checkpoints, the log and the two ONNX files; training goes on from what is there.
    solo : list of Path
        Videos of one animal alone, whose cut-outs are composed into scenes.
    config : FitConfig
        How to train.
    """
    material = gather_material(solo) if solo else Material()
    trainer = Trainer(config, material, out)
    log = out / "log.jsonl"
    out.mkdir(parents=True, exist_ok=True)

    def report(row: dict[str, float]) -> None:
        line = json.dumps({name: round(value, 5) for name, value in row.items()})
        print(line, flush=True)
        with log.open("a") as file:
            file.write(line + "\n")

    network = trainer.run(report)
    held_out = [make_still(_VALIDATION_SEED + k, config.stills, material.cutouts) for k in range(_N_VALIDATION)]
    result = validate(network, held_out)
    report({"step": trainer.step, **asdict(result)})
    export_onnx(network, out, config.preset, score_scale=result.score_scale, score_bias=result.score_bias)


if __name__ == "__main__":
    app()
