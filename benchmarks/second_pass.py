"""What the second pass of `murid track` costs and what it gains, on real and synthetic recordings.

    python benchmarks/second_pass.py --work /tmp/second --out benchmarks \\
        --recordings /data/lookalike-5-2201:5

Tracks each recording without the second pass, then identifies the animals again with it, from the
same detections. Recordings are the real clips with ground truth under ``$MURID_DATA``; recordings
composed of its two solo videos, three copies of one mouse without recolouring; and folders given as
``FOLDER:ANIMALS`` with ``video.mp4`` and ``gt/gt.txt``. Prints processor time of both passes, IDF1
without and with the second pass, and what the cross-validation of fur found, as a table in
Markdown, and writes ``second_pass.json``.

Processor time is that of all threads: on a busy machine, elapsed time says little.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import murid
from murid.appearance.second_pass import run_second_pass
from murid.core.progress import no_progress
from murid.pipeline.run import Run
from murid.store import RunDirectory
from murid.synthetic.compose_solos import compose_videos

CLIPS = (
    ("sleapmot-2mice-homecage", 2, "gt/gt.txt"),
    ("udmt-rat2mice-a", 3, "gt/gt.txt"),
    ("dlcpost-2mice", 2, "gt_sparse.txt"),
    ("vibes-2mice-a", 2, "gt_sparse.txt"),
)
# Solo videos, and the frames at their beginning in which the exposure settles.
SOLOS = (("openfield-1mouse", 0), ("tracktor-1mouse", 500))
COMPOSED_SEEDS = (2201, 2202)
COMPOSED_S = 40.0


@dataclass(frozen=True)
class Recording:
    """A recording: its name, video, ground truth and number of animals."""

    name: str
    video: Path
    truth: Path
    n_animals: int


def list_real(root: Path) -> Iterator[Recording]:
    """Yield the real clips with ground truth."""
    for name, n_animals, truth in CLIPS:
        yield Recording(name, root / name / "video.mp4", root / name / truth, n_animals)


def compose(root: Path, work: Path) -> Iterator[Recording]:
    """Yield recordings composed of the solo videos, made once."""
    for solo, skip_frames in SOLOS:
        for seed in COMPOSED_SEEDS:
            folder = work / f"{solo}-{seed}"
            if not (folder / "video.mp4").is_file():
                compose_videos(
                    [root / solo / "video.mp4"],
                    folder,
                    animals=3,
                    seconds=COMPOSED_S,
                    skip_frames=skip_frames,
                    recolour=False,
                    seed=seed,
                )
            yield Recording(folder.name, folder / "video.mp4", folder / "gt" / "gt.txt", 3)


def measure(recording: Recording, work: Path, precision: str) -> dict[str, object]:
    """Return costs and scores of a recording without and with the second pass."""
    config = murid.Config().change(f"detection.precision={precision}")
    never = config.change("identification.refine=never")
    path = work / f"{recording.name}.murid"
    started_s = time.process_time()
    without = murid.track(
        recording.video, animals=recording.n_animals, config=never, out=path, restart=True
    )
    first_s = time.process_time() - started_s
    idf1_without = score(without, recording)
    started_s = time.process_time()
    with RunDirectory.open(path, writable=True) as run:
        fur_descriptors, point_matches = run_second_pass(run, no_progress)
    second_s = time.process_time() - started_s
    found = murid.identify(path, config=config.change("identification.refine=always"))
    return {
        "recording": recording.name,
        "frames": found.info()["n_frames"],
        "first_pass_cpu_s": round(first_s, 1),
        "second_pass_cpu_s": round(second_s, 1),
        "n_fur_descriptors": len(fur_descriptors.rows),
        "n_point_matches": len(point_matches),
        "idf1_without": idf1_without,
        "idf1_with": score(found, recording),
        "selections": found.info()["appearance_selections"],
    }


def score(run: Run, recording: Recording) -> float:
    """Return the IDF1 of a run in the labelled frames."""
    return round(float(run.evaluate(recording.truth).idf1), 1)


def describe_selection(row: dict[str, object]) -> str:
    """Return in words what the cross-validation of fur found."""
    selections = row["selections"]
    if not selections:
        return "too little to judge by"
    (best,) = selections
    used = "used" if best["used"] else "not used"
    return f"{best['before']:.0%} → {best['after']:.0%}, {used}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for recordings and runs")
    parser.add_argument("--recordings", nargs="*", default=(), metavar="FOLDER:ANIMALS")
    # The default of murid, auto, is bf16 where the processor has it, so figures would depend on it.
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    root = Path(os.environ["MURID_DATA"]) / "rodents"
    options.work.mkdir(parents=True, exist_ok=True)
    recordings = [*list_real(root), *compose(root, options.work)]
    for text in options.recordings:
        folder, _, n_animals = text.rpartition(":")
        video = Path(folder) / "video.mp4"
        truth = Path(folder) / "gt" / "gt.txt"
        recordings.append(Recording(Path(folder).name, video, truth, int(n_animals)))
    rows = []
    print("| recording | frames | first pass, s | second pass, s | IDF1 without | with | fur |")
    print("|---|---|---|---|---|---|---|")
    for recording in recordings:
        row = measure(recording, options.work, options.precision)
        rows.append(row)
        keys = ("recording", "frames", "first_pass_cpu_s", "second_pass_cpu_s", "idf1_without")
        cells = [str(row[key]) for key in (*keys, "idf1_with")]
        print(f"| {' | '.join(cells)} | {describe_selection(row)} |", flush=True)
    (options.out / "second_pass.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
