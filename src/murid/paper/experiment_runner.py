"""Run the experiments of the tables: train, detect, track and score each row, with caching."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from murid.core.durations import format_duration
from murid.core.files import make_directory
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import DetectionTable, Tracks
from murid.errors import FormatError
from murid.evaluation import evaluate
from murid.export.mot import write_mot
from murid.export.tracks_chunk import TracksChunk
from murid.metrics import MetricSums
from murid.networks.checkpoint import load_network, save_checkpoint
from murid.paper.benchmark_data import BenchmarkData, BenchmarkRecording
from murid.paper.detections import (
    MIN_SCORE,
    TorchDetector,
    detect_recording,
    read_external_detections,
)
from murid.paper.loss_log import LossLog, read_losses
from murid.paper.model_cost import count_cost, read_external_cost
from murid.paper.result_cache import ResultCache, compute_key
from murid.paper.scale import COST_BOXES, COST_SIDE_PX
from murid.paper.tables import ExternalDetector, Method, PaperTable
from murid.tracking import TrackingConfig, find_likely_tracks, make_tracker, select_tracks
from murid.training.config import RUNTIME_SETTINGS, TrainConfig, to_plain
from murid.training.fit import count_steps, fit
from murid.training.loss_balancing import BalanceConfig
from murid.training.recipe import ReportProgress

# Tracker of rows without DAM: Kalman filter and overlap only, and a track ends with the first frame
# that does not continue it (SORT). It is the second stage of DAM without the first and without lost
# tracks, so that rows with DAM differ by DAM alone.
PLAIN_TRACKING = replace(
    TrackingConfig.paper(), stage1_max_cost=0.0, max_lost_s=0.0, duplicate_max_cost=None
)

_DEFAULT_FIRST_EPOCH_STEPS = BalanceConfig().first_epoch_steps
# Hexadecimal digits of the hash of an external detector's boxes.
_N_HASH_DIGITS = 16

# Result of a row as plain values: scores, cost, validation, losses, times and versions.
Result = dict[str, Any]
Results = dict[Method | ExternalDetector, Result | None]

# Name of the losses of each epoch in the directory of a training.
_LOSSES_NAME = "losses.jsonl"


@dataclass(frozen=True)
class ExperimentRunner:
    """Runs the rows of all tables.

    Attributes
    ----------
    data : BenchmarkData
    directory : Path
        Directory of all results.
    dam : TrackingConfig
        Tracker of rows with DAM.
    external : mapping of str to Path
        Directories with the boxes of external detectors.
    report : callable
        Receives progress as numbers.
    announce : callable
        Receives progress as text.
    """

    data: BenchmarkData
    directory: Path
    dam: TrackingConfig = field(default_factory=TrackingConfig.paper)
    external: Mapping[str, Path] = field(default_factory=dict)
    report: ProgressCallback = no_progress
    announce: Callable[[str], None] = print

    def run(
        self,
        tables: Sequence[PaperTable],
        write: Callable[[Results], None] = lambda _: None,
    ) -> Results:
        """Return the results of all rows; compute those that are not cached.

        The result of an external detector without boxes is None.

        Parameters
        ----------
        tables : sequence of PaperTable
        write : callable
            Receives the results so far whenever a row ends.

        Raises
        ------
        MuridError
            If something cannot be read or written.
        """
        sources = list_sources(tables)
        # Read all boxes first, so that errors in them are raised before hours of training.
        for source in sources:
            if isinstance(source, ExternalDetector) and source.name in self.external:
                self._read_external(source)
        results = self.load_all(tables)
        for source in sources:
            if results[source] is None:
                results[source] = self._run_source(source)
                write(results)
        return results

    def load_all(self, tables: Sequence[PaperTable]) -> Results:
        """Return the cached results of all rows; None where there is none."""
        return {source: self.load(source) for source in list_sources(tables)}

    def load(self, source: Method | ExternalDetector) -> Result | None:
        """Return the cached result of a row in exactly this configuration, or None."""
        if isinstance(source, ExternalDetector) and source.name not in self.external:
            return None
        return self._results.load(get_name(source), self.describe(source))

    def describe(self, source: Method | ExternalDetector) -> dict[str, Any]:
        """Return the whole configuration of a row as plain values."""
        description: dict[str, Any] = {"murid": version("murid")}
        if isinstance(source, ExternalDetector):
            files = self._hash_external(source)
            description["detections"] = {"name": source.name, "files": files}
        else:
            description["network"] = self.describe_training(source)
            description["detection"] = self._describe_detection(source)
        description["tracking"] = asdict(self.choose_tracker(source))
        description["evaluated_on"] = self.data.evaluated_on
        return description

    def describe_training(self, method: Method) -> dict[str, Any]:
        """Return the whole configuration of the training of a method as plain values."""
        settings = to_plain(self.configure_training(method))
        for name in RUNTIME_SETTINGS:
            del settings[name]
        trained_on = {**self.data.trained_on, "n_held_out": self.data.scale.n_held_out}
        return {"murid": version("murid"), "training": settings, "trained_on": trained_on}

    def configure_training(self, method: Method) -> TrainConfig:
        """Return the settings of the training of a method."""
        config = self.data.adapt_config(self.data.scale.train)
        balance = BalanceConfig(name=method.balance)
        if method.balance == "gradnorm":
            # In short epochs, initial losses are measured during one epoch.
            steps = config.steps_per_epoch or _DEFAULT_FIRST_EPOCH_STEPS
            first_epoch_steps = min(_DEFAULT_FIRST_EPOCH_STEPS, steps)
            balance = replace(balance, first_epoch_steps=first_epoch_steps)
        every = config.identity_every if method.reidentification else 0
        return replace(config, preset=method.preset, balance=balance, identity_every=every)

    def choose_tracker(self, source: Method | ExternalDetector) -> TrackingConfig:
        """Return the configuration of a row's tracker."""
        return PLAIN_TRACKING if source.tracker == "plain" else self.dam

    def has_network(self, method: Method) -> bool:
        """Return whether the training of a method is complete in exactly this configuration."""
        cached = self._trainings.load(method.network, self.describe_training(method))
        return cached is not None and self._locate_network(method).exists()

    def count_remaining_steps(self, method: Method) -> int:
        """Return the number of steps that the training of a method still needs.

        With AnimalTrack and epochs of a whole pass, the number of its images is not known before it
        is prepared; `Scale.n_images` stands for it then.
        """
        config = self.configure_training(method)
        total = config.epochs * count_steps(config, self.data.scale.n_images)
        path = self._locate_network(method).parent / _LOSSES_NAME
        losses = read_losses(path) if path.exists() else []
        return total - int(losses[-1]["step"]) if losses else total

    @property
    def _results(self) -> ResultCache:
        return ResultCache(self.directory / "rows")

    @property
    def _trainings(self) -> ResultCache:
        return ResultCache(self.directory / "networks")

    def _run_source(self, source: Method | ExternalDetector) -> Result | None:
        """Compute and store the result of a row; None without boxes of an external detector."""
        started_s = time.monotonic()
        if isinstance(source, ExternalDetector):
            if source.name not in self.external:
                return None
            tables, facts = self._read_external(source)
        else:
            tables, facts = self._run_network(source)
        scores = self._score(source, tables)
        seconds = round(time.monotonic() - started_s, 1)
        versions = read_versions()
        result = {"scores": scores, **facts, "seconds": seconds, "versions": versions}
        name = get_name(source)
        self._results.save(name, self.describe(source), result)
        self.announce(describe_result(name, result))
        return result

    def _read_external(self, source: ExternalDetector) -> tuple[list[DetectionTable], Result]:
        """Return the detections and the cost of an external detector."""
        directory = self.external[source.name]
        tables = [
            read_external_detections(directory, recording) for recording in self.data.recordings
        ]
        return tables, {"cost": read_external_cost(directory), "validation": None}

    def _run_network(self, method: Method) -> tuple[list[DetectionTable], Result]:
        """Train the network of a method, and return its detections, cost and validation."""
        facts = self._train(method)
        detector = self._load_detector(method, facts["validation"])
        key = compute_key(
            {
                **self.describe_training(method),
                **self._describe_detection(method),
                **self.data.evaluated_on,
            }
        )
        directory = self.directory / "detections" / f"{method.network}-{key}"
        recordings = self.data.recordings
        tables = []
        for number, recording in enumerate(recordings, 1):
            path = directory / f"{recording.name}.npz"
            tables.append(detect_recording(detector, recording, path))
            self.report(f"detecting, {method.network}", number, len(recordings))
        # Operations are counted for one image size, at every scale of the experiment.
        n_boxes = COST_BOXES if method.reidentification else 0
        cost = count_cost(detector.network, COST_SIDE_PX, COST_SIDE_PX, n_boxes)
        return tables, {"cost": cost._asdict(), **facts}

    def _train(self, method: Method) -> Result:
        """Return the validation of a method's network; train it if it is not cached."""
        configuration = self.describe_training(method)
        cached = self._trainings.load(method.network, configuration)
        path = self._locate_network(method)
        if cached is not None and path.exists():
            return cached
        progress = ReportProgress(self.report, f"training, {method.network}")
        config = self.configure_training(method)
        losses = path.parent / _LOSSES_NAME
        data = self.data.training_data
        trained = fit(config, data, path.parent, [progress, LossLog(losses)])
        save_checkpoint(path, trained.network)
        # Checkpoints of the training are large and not needed any more.
        for name in ("last.ckpt", "best.ckpt"):
            (path.parent / name).unlink(missing_ok=True)
        validation = asdict(trained.validation)
        if not method.reidentification:
            validation |= {"rank1": None, "reid_map": None}
        facts = {
            "validation": validation,
            "steps": trained.steps,
            "training_seconds": round(trained.seconds, 1),
            "losses": read_losses(losses),
        }
        self._trainings.save(method.network, configuration, facts)
        return facts

    def _locate_network(self, method: Method) -> Path:
        """Return the path of a method's network, whether it exists or not."""
        result = self._trainings.locate(method.network, self.describe_training(method))
        return result.with_suffix("") / "network.pt"

    def _load_detector(self, method: Method, validation: Mapping[str, float]) -> TorchDetector:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_num_threads(self.data.scale.train.n_threads)
        return TorchDetector(
            network=load_network(self._locate_network(method)).to(device),
            score_scale=validation["score_scale"],
            score_bias=validation["score_bias"],
            max_side_px=self.data.scale.max_side_px,
            embeds=method.reidentification,
        )

    def _describe_detection(self, method: Method) -> dict[str, Any]:
        return {
            "max_side_px": self.data.scale.max_side_px,
            "min_score": MIN_SCORE,
            "embeddings": method.reidentification,
        }

    def _hash_external(self, source: ExternalDetector) -> str:
        """Return a hash of the boxes of an external detector."""
        digest = sha256()
        for recording in self.data.recordings:
            path = self.external[source.name] / f"{recording.name}.txt"
            if not path.is_file():
                expected = f"a MOT file for the sequence {recording.name}"
                raise FormatError(path, "detections", expected, "none")
            digest.update(path.read_bytes())
        return digest.hexdigest()[:_N_HASH_DIGITS]

    def _score(
        self, source: Method | ExternalDetector, tables: Sequence[DetectionTable]
    ) -> dict[str, Any]:
        """Track, write MOT files, and return the scores of all recordings together."""
        config = self.choose_tracker(source)
        key = compute_key(self.describe(source))
        directory = self.directory / "tracks" / f"{get_name(source)}-{key}"
        make_directory(directory)
        for recording, table in zip(self.data.recordings, tables, strict=True):
            tracks = track_recording(table, config, recording.fps)
            write_mot(directory / f"{recording.name}.txt", [_to_chunk(tracks, recording)])
        # Score all sets of ground truth, and combine their sequences as one.
        sums = []
        for truth in self.data.truths:
            report = evaluate(
                directory,
                truth.root,
                protocol=truth.protocol,
                split=truth.split,
                sequences=truth.names,
                allow_empty=True,
            )
            sums += [sequence.sums for sequence in report.details]
        return MetricSums.combine(sums).to_metrics().to_dict()


def describe_result(name: str, result: Mapping[str, Any]) -> str:
    """Return a line about a row that has ended: scores, loss of the first and last epoch, time."""
    scores = result["scores"]
    parts = [f"HOTA {scores['hota']:.1f}", f"IDF1 {scores['idf1']:.1f}"]
    losses = result.get("losses")
    if losses:
        parts.append(f"loss {losses[0]['total']:.2f} to {losses[-1]['total']:.2f}")
    if losses and "heat" in losses[0]:
        parts.append(f"of the heatmap {losses[0]['heat']:.2f} to {losses[-1]['heat']:.2f}")
    return f"{name}: {', '.join(parts)}, {format_duration(result['seconds'])}"


def read_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    packages = ("murid", "torch", "torchvision", "timm", "torchjd", "numpy", "trackeval")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def track_recording(table: DetectionTable, config: TrackingConfig, fps: float) -> Tracks:
    """Return the tracks of a recording's detections."""
    tracks = make_tracker(config, fps).follow(table)
    min_mean_score = config.scores.min_mean
    if min_mean_score is None:
        return tracks
    return select_tracks(tracks, find_likely_tracks([tracks], min_mean_score))


def list_sources(tables: Sequence[PaperTable]) -> list[Method | ExternalDetector]:
    """Return what the rows of tables need, each once."""
    return list(dict.fromkeys(row.source for table in tables for row in table.rows))


def _to_chunk(tracks: Tracks, recording: BenchmarkRecording) -> TracksChunk:
    times_s = np.arange(tracks.n_frames) / recording.fps
    return TracksChunk(0, times_s, tracks)


def get_name(source: Method | ExternalDetector) -> str:
    """Return the name of a row's result: its network and its tracker."""
    network = source.name if isinstance(source, ExternalDetector) else source.network
    return f"{network}-{source.tracker}"
