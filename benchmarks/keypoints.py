"""Measure nose and tail base against labels that a person made, which no training has seen.

    python benchmarks/keypoints.py LABELS.h5 [--detector nano]
    python benchmarks/keypoints.py LABELS.slp --video VIDEO [--detector nano] [--run RUN]

LABELS are of DeepLabCut (``CollectedData_*.h5``, its images beside it) or SLEAP (``.slp``, of a
video). The first row is the detector, frame by frame; with `--run`, a second row is what `murid
track` made of it, resolved over time. Keypoints are called by the names that projects use most;
`--nose` and `--tail-base` give others.

An animal is the one whose box has its centre nearest to the middle between the labelled nose and
tail base, within half a body length. A body length is the median distance from the labelled nose to
the labelled tail base of the recording; errors and PCK are relative to it. Ends are exchanged if
nose and tail base would be nearer to the labels the other way round. Keypoints that were not found
count as wrong in PCK, and not at all in errors. `murid.metrics.keypoints` computes the scores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import sleap_io
from numpy.typing import NDArray

import murid
from murid.core import Detections, Frame
from murid.core.boxes import compute_centres
from murid.core.keypoints import NOSE, TAIL_BASE
from murid.detection.detector import Detector, load_detector
from murid.metrics.keypoints import (
    MAX_MATCH_DISTANCE,
    PCK_THRESHOLDS,
    KeypointScores,
    compute_errors,
    compute_keypoint_scores,
    match_centres,
)
from murid.video import open_source, sample_frames

# Names of nose and tail base in lower case, those of the two projects in `data/README.md` included.
NOSE_NAMES = ("nose", "snout")
TAIL_BASE_NAMES = ("tailbase", "tail_base", "tail base", "tti")
# Frames from which the background is learnt.
N_BACKGROUND_FRAMES = 60
# Scores are calibrated: a detection with this score is correct with probability 0.5.
MIN_SCORE = 0.5
# Images that the detector gets at once.
BATCH = 16


@dataclass(frozen=True)
class Labels:
    """Labelled nose and tail base, ``(N, 2)`` pixels each, and the frame of each row."""

    frames: NDArray[np.int64]
    nose: NDArray[np.float64]
    tail_base: NDArray[np.float64]

    @property
    def body_length_px(self) -> float:
        """Median distance from nose to tail base."""
        return float(np.nanmedian(compute_errors(self.nose, self.tail_base)))

    def select_complete(self) -> Labels:
        """Return the animals that have both."""
        rows = np.isfinite(np.column_stack([self.nose, self.tail_base])).all(axis=1)
        return Labels(self.frames[rows], self.nose[rows], self.tail_base[rows])


@dataclass(frozen=True)
class Found:
    """Animals of one frame: centres ``(n, 2)`` of boxes, noses and tail bases ``(n, 2)``."""

    centres: NDArray[np.float64]
    nose: NDArray[np.float64]
    tail_base: NDArray[np.float64]

    @classmethod
    def from_detections(cls, detections: Detections, min_confidence: float) -> Found:
        """Return the likely detections; keypoints of a lower confidence are unknown."""
        likely = detections[detections.scores >= MIN_SCORE]
        if likely.keypoints is None:
            if len(likely):
                sys.exit("the detector finds no keypoints")
            return cls(*np.zeros((3, 0, 2)))
        points = likely.keypoints.astype(np.float64)
        is_known = points[:, :, 2] >= min_confidence
        xy = np.where(is_known[:, :, None], points[:, :, :2], np.nan)
        return cls(compute_centres(likely.boxes), xy[:, NOSE], xy[:, TAIL_BASE])


def find_name(names: Sequence[str], chosen: str | None, known: Sequence[str]) -> str:
    """Return the name of a keypoint in a project."""
    for name in names:
        if name == chosen or (chosen is None and name.lower() in known):
            return name
    sys.exit(f"no keypoint {chosen or ' or '.join(known)} among {', '.join(names)}")


def read_deeplabcut(
    path: Path, nose: str | None, tail_base: str | None
) -> tuple[Labels, list[NDArray[np.uint8]]]:
    """Return the labels of single images of one animal, and the images."""
    table = pd.read_hdf(path)
    names = table.columns.get_level_values("bodyparts").unique().tolist()
    points = table.droplevel("scorer", axis=1)
    images = []
    for index in table.index:
        parts = index if isinstance(index, tuple) else (index,)
        image = cv2.imread(str(path.parent / Path(*parts).name))
        images.append(np.ascontiguousarray(image[..., ::-1]))
    labels = Labels(
        np.arange(len(table)),
        points[find_name(names, nose, NOSE_NAMES)][["x", "y"]].to_numpy(float),
        points[find_name(names, tail_base, TAIL_BASE_NAMES)][["x", "y"]].to_numpy(float),
    )
    return labels, images


def read_sleap(path: Path, nose: str | None, tail_base: str | None) -> Labels:
    """Return the labels of all animals of a video."""
    project = sleap_io.load_slp(str(path), open_videos=False)
    names = project.skeletons[0].node_names
    rows = [
        (frame.frame_idx, *instance.numpy()[[names.index(name) for name in chosen]].ravel())
        for chosen in [
            (find_name(names, nose, NOSE_NAMES), find_name(names, tail_base, TAIL_BASE_NAMES))
        ]
        for frame in project.labeled_frames
        for instance in frame.instances
    ]
    table = np.array(rows, float).reshape(-1, 5)
    return Labels(table[:, 0].astype(np.int64), table[:, 1:3], table[:, 3:5])


def detect_images(
    detector: Detector, images: Sequence[NDArray[np.uint8]], min_confidence: float
) -> dict[int, Found]:
    """Return the animals of each image; the background is that of all images."""
    chosen = np.unique(np.linspace(0, len(images) - 1, N_BACKGROUND_FRAMES).round().astype(int))
    detector.fit(Frame(k, float(k), images[k]) for k in chosen.tolist())
    found = {}
    for start in range(0, len(images), BATCH):
        for k, detections in enumerate(detector.detect(images[start : start + BATCH]), start):
            found[k] = Found.from_detections(detections, min_confidence)
    return found


def detect_video(
    detector: Detector, video: Path, frames: NDArray[np.int64], min_confidence: float
) -> dict[int, Found]:
    """Return the animals of the labelled frames of a video."""
    source = open_source(video)
    detector.fit(sample_frames(source, N_BACKGROUND_FRAMES))
    wanted = set(frames.tolist())
    return {
        frame.index: Found.from_detections(detector.detect([frame.image])[0], min_confidence)
        for frame in source.iterate()
        if frame.index in wanted
    }


def read_run(path: Path, min_confidence: float) -> dict[int, Found]:
    """Return the animals of each frame of a run."""
    run = murid.open(path)
    trajectories = run.trajectories()
    if trajectories.keypoints is None or trajectories.keypoint_confidence is None:
        sys.exit(f"{path}: a run without keypoints")
    is_known = trajectories.keypoint_confidence >= min_confidence
    keypoints = np.where(is_known[:, None], trajectories.keypoints, np.nan)
    numbers = run.to_video_frames(np.arange(len(trajectories.time_s)))
    found = {}
    for t, frame in enumerate(numbers.tolist()):
        present = np.isfinite(trajectories.position[t, 0])
        found[frame] = Found(
            trajectories.position[t][:, present].T,
            keypoints[t, :, NOSE][:, present].T,
            keypoints[t, :, TAIL_BASE][:, present].T,
        )
    return found


def score(labels: Labels, found: dict[int, Found]) -> KeypointScores:
    """Match the animals of each frame with the labels, and compute the scores."""
    nose = np.full(labels.nose.shape, np.nan)
    tail_base = np.full(labels.nose.shape, np.nan)
    is_matched = np.zeros(len(labels.frames), bool)
    max_distance = MAX_MATCH_DISTANCE * labels.body_length_px
    middle = (labels.nose + labels.tail_base) / 2
    for frame in np.unique(labels.frames).tolist():
        rows = np.flatnonzero(labels.frames == frame)
        if frame not in found:
            continue
        matches = match_centres(middle[rows], found[frame].centres, max_distance)
        rows, matches = rows[matches >= 0], matches[matches >= 0]
        is_matched[rows] = True
        nose[rows] = found[frame].nose[matches]
        tail_base[rows] = found[frame].tail_base[matches]
    return compute_keypoint_scores(nose, tail_base, labels.nose, labels.tail_base, is_matched)


def iterate_lines(rows: Sequence[tuple[str, KeypointScores]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown; shares and errors in percent."""
    thresholds = "/".join(f"{threshold:g}" for threshold in PCK_THRESHOLDS)
    columns = (
        *("", "animals", "found", "with keypoints"),
        *("nose error median", "90 %", "tail base error median", "90 %", "ends exchanged"),
        *(f"nose PCK {thresholds}", f"tail base PCK {thresholds}"),
    )
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for name, scores in rows:
        shares = (
            scores.matched_share,
            scores.known_share,
            scores.nose_error_median,
            scores.nose_error_p90,
            scores.tail_base_error_median,
            scores.tail_base_error_p90,
            scores.exchanged_share,
        )
        cells = [name, str(scores.n_labelled), *(f"{100 * share:.1f}" for share in shares)]
        for pck in (scores.nose_pck, scores.tail_base_pck):
            cells.append(" / ".join(f"{100 * share:.1f}" for share in pck))
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("--video", type=Path, help="video of the labels of a .slp")
    parser.add_argument("--detector", default="nano", help="name or weights; 'none' leaves it out")
    parser.add_argument("--run", type=Path, help="run of the same video")
    parser.add_argument("--nose", help="name of the nose in the labels")
    parser.add_argument("--tail-base", help="name of the tail base in the labels")
    parser.add_argument("--min-confidence", type=float, default=0.0)
    options = parser.parse_args()

    images = None
    if options.labels.suffix == ".slp":
        labels = read_sleap(options.labels, options.nose, options.tail_base)
    else:
        labels, images = read_deeplabcut(options.labels, options.nose, options.tail_base)
    labels = labels.select_complete()
    rows = []
    if options.detector != "none":
        detector = load_detector(options.detector)
        if images is not None:
            found = detect_images(detector, images, options.min_confidence)
        elif options.video is not None:
            found = detect_video(detector, options.video, labels.frames, options.min_confidence)
        else:
            parser.error("--video is needed for a .slp, or --detector none")
        rows.append(("detector", score(labels, found)))
    if options.run is not None:
        rows.append(("run", score(labels, read_run(options.run, options.min_confidence))))
    print(f"{options.labels.name}: body length {labels.body_length_px:.1f} px; percent of it:\n")
    for line in iterate_lines(rows):
        print(line)


if __name__ == "__main__":
    main()
