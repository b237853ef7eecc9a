"""``murid info``."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.run import Run


def info(run: Path, /, *, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Say what is in a run.

    Parameters
    ----------
    run : Path
        Run directory.
    json : bool
        Print JSON for scripts.
    """
    facts = Run.open(run).info()
    if json:
        print(json_format.dumps(facts))
        return
    print(f"{facts['run']}: made by murid {facts['murid_version']} with {facts['detector']}")
    print(f"video   {facts['source']}")
    print(f"        {facts['width']}x{facts['height']} pixels, {facts['fps']:.2f} frames/s, {facts['n_frames']} frames")
    print(f"stages  {', '.join(f'{name} {state}' for name, state in facts['stages'].items())}")
    if facts["note"]:
        print(f"note    {facts['note']}")
    if facts["unreadable_frames"]:
        print(f"note    {len(facts['unreadable_frames'])} frames could not be decoded")
    if facts["tracks"]:
        print(f"\n{'track':>6} {'first':>8} {'last':>8} {'frames':>8} {'score':>6}")
    for row in facts["tracks"]:
        frames = f"{row['first_frame']:>8} {row['last_frame']:>8} {row['n_frames']:>8}"
        print(f"{row['id']:>6} {frames} {row['mean_score']:>6.2f}")
