"""One row after another: train, detect, track, score; what is there already is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from murid.core.files import make_directory
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import DetectionTable, Tracks
from murid.errors import FormatError
from murid.evaluation import evaluate
from murid.export.mot import write_mot
from murid.export.tracks_chunk import TracksChunk
from murid.metrics import Scores
from murid.networks.checkpoint import load_network, save_checkpoint
from murid.paper.benchmark_data import BenchmarkData, BenchmarkRecording
from murid.paper.detections import MIN_SCORE, TorchDetector, detect, read_external_detections
from murid.paper.model_cost import count_cost, read_external_cost
from murid.paper.result_cache import ResultCache, compute_key
from murid.paper.scale import COST_BOXES, COST_SIDE_PX
from murid.paper.tables import ExternalDetector, Method, PaperTable
from murid.tracking import TrackingConfig, find_likely_tracks, make_tracker, select_tracks
from murid.training.config import TrainConfig, to_plain
from murid.training.fit import fit
from murid.training.loss_balancing import BalanceConfig
from murid.training.recipe import ReportProgress

PLAIN = replace(
    TrackingConfig.paper(), stage1_max_cost=0.0, max_lost_s=0.0, duplicate_max_cost=None
)
"""Kalman filter and overlap alone, and a track ends with the first frame that does not see it
(SORT): the second stage of DAM without its first and without its memory."""
_NOT_RESULTS = ("n_workers", "n_threads")
_USUAL_FIRST_STEPS = BalanceConfig().first_epoch_steps

Result = dict[str, Any]


@dataclass(frozen=True)
class ExperimentRunner:
    """Makes the rows of all tables.

    Attributes
    ----------
    data : Bed
    directory : Path
        Of everything that is kept.
    dam : TrackingConfig
        The association of rows with DAM.
    peers : mapping of str to Path
        Directories with the detections of detectors that were run outside.
    report : callable
        Told of progress.
    announce : callable
        Told in words what is done.
    """

    data: BenchmarkData
    directory: Path
    dam: TrackingConfig = field(default_factory=TrackingConfig.paper)
    peers: Mapping[str, Path] = field(default_factory=dict)
    report: ProgressCallback = no_progress
    announce: Callable[[str], None] = print

    def make(self, tables: Sequence[PaperTable]) -> dict[Method | ExternalDetector, Result | None]:
        """Results of all rows, each made once; None for a detector that is not there.

        Raises
        ------
        MuridError
            If something cannot be read or written.
        """
        sources = list(dict.fromkeys(row.source for table in tables for row in table.rows))
        for peer in (
            source
            for source in sources
            if isinstance(source, ExternalDetector) and source.name in self.peers
        ):
            self._read_peer(peer)  # what is wrong with it is told before hours of training
        return {source: self._make(source) for source in sources}

    def find(self, tables: Sequence[PaperTable]) -> dict[Method | ExternalDetector, Result | None]:
        """Results that are there; nothing is made."""
        sources = dict.fromkeys(row.source for table in tables for row in table.rows)
        return {source: self.load(source) for source in sources}

    def load(self, source: Method | ExternalDetector) -> Result | None:
        """Result of a row that is there in this very configuration; else None."""
        if isinstance(source, ExternalDetector) and source.name not in self.peers:
            return None
        return self.results.load(_name(source), self.describe(source))

    @property
    def results(self) -> ResultCache:
        """Results of rows."""
        return ResultCache(self.directory / "rows")

    def describe(self, source: Method | ExternalDetector) -> dict[str, Any]:
        """Whole configuration of a row, as plain values."""
        origin: dict[str, Any]
        if isinstance(source, ExternalDetector):
            origin = {"detections": {"name": source.name, "files": self._hash_peer(source)}}
        else:
            origin = {
                "network": self.describe_training(source),
                "detection": self._describe_detection(source),
            }
        tracking = asdict(self.choose_tracker(source))
        return {
            "murid": version("murid"),
            **origin,
            "tracking": tracking,
            "scored_on": self.data.scored_on,
        }

    def describe_training(self, method: Method) -> dict[str, Any]:
        """Whole configuration of the training that a row needs."""
        config = {
            k: v for k, v in to_plain(self.configure(method)).items() if k not in _NOT_RESULTS
        }
        learnt_from = {**self.data.learnt_from, "n_held_out": self.data.scale.n_held_out}
        return {"murid": version("murid"), "training": config, "learnt_from": learnt_from}

    def configure(self, method: Method) -> TrainConfig:
        """Settings of the training that a row needs."""
        config = self.data.adapt(self.data.scale.train)
        steps = config.steps_per_epoch or _USUAL_FIRST_STEPS
        balance = BalanceConfig(name=method.balance)
        if method.balance == "gradnorm":
            balance = replace(balance, first_epoch_steps=min(_USUAL_FIRST_STEPS, steps))
        every = config.identity_every if method.reidentification else 0
        return replace(config, preset=method.preset, balance=balance, identity_every=every)

    def choose_tracker(self, source: Method | ExternalDetector) -> TrackingConfig:
        """Tracker of a row."""
        return PLAIN if source.tracker == "plain" else self.dam

    def _make(self, source: Method | ExternalDetector) -> Result | None:
        known = self.load(source)
        if known is not None or (
            isinstance(source, ExternalDetector) and source.name not in self.peers
        ):
            return known
        started = time.monotonic()
        if isinstance(source, ExternalDetector):
            tables, facts = self._read_peer(source)
        else:
            tables, facts = self._run_network(source)
        scores = self._score(source, tables)
        result = {"scores": scores, **facts, "seconds": round(time.monotonic() - started, 1)}
        self.results.save(_name(source), self.describe(source), result)
        self.announce(
            f"{_name(source)}: HOTA {scores['hota']:.1f}, IDF1 {scores['idf1']:.1f}, {result['seconds']} s"
        )
        return result

    def _read_peer(self, peer: ExternalDetector) -> tuple[list[DetectionTable], Result]:
        directory = self.peers[peer.name]
        tables = [
            read_external_detections(directory, recording) for recording in self.data.recordings
        ]
        return tables, {"cost": read_external_cost(directory), "validation": None}

    def _run_network(self, method: Method) -> tuple[list[DetectionTable], Result]:
        facts = self._train(method)
        detector = self._load_finder(method, facts["validation"])
        key = compute_key(
            {
                **self.describe_training(method),
                **self._describe_detection(method),
                **self.data.scored_on,
            }
        )
        directory = self.directory / "detections" / f"{method.network}-{key}"
        tables = []
        for number, recording in enumerate(self.data.recordings, 1):
            tables.append(detect(detector, recording, directory / f"{recording.name}.npz"))
            self.report(f"detecting, {method.network}", number, len(self.data.recordings))
        n_boxes = COST_BOXES if method.reidentification else 0
        cost = count_cost(detector.network, COST_SIDE_PX, COST_SIDE_PX, n_boxes)._asdict()
        return tables, {"cost": cost, **facts}

    def _train(self, method: Method) -> Result:
        """Train unless that is done; an interrupted training goes on."""
        shelf, configuration = (
            ResultCache(self.directory / "networks"),
            self.describe_training(method),
        )
        known = shelf.load(method.network, configuration)
        path = self._locate_network(method)
        if known is not None and path.exists():
            return known
        config, data = self.configure(method), self.data.training_data
        progress = ReportProgress(self.report, f"training, {method.network}")
        fitted = fit(config, data, path.parent, [progress])
        save_checkpoint(path, fitted.network)
        for name in ("last.ckpt", "best.ckpt"):
            (path.parent / name).unlink(missing_ok=True)
        validation = asdict(fitted.validation)
        validation["rank1"] = validation["rank1"] if method.reidentification else None
        facts = {
            "validation": validation,
            "steps": fitted.steps,
            "training_seconds": round(fitted.seconds, 1),
        }
        shelf.save(method.network, configuration, facts)
        return facts

    def _locate_network(self, method: Method) -> Path:
        directory = ResultCache(self.directory / "networks").locate(
            method.network, self.describe_training(method)
        )
        return directory.with_suffix("") / "network.pt"

    def _load_finder(self, method: Method, validation: Mapping[str, float]) -> TorchDetector:
        network = load_network(self._locate_network(method))
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_num_threads(self.data.scale.train.n_threads)
        return TorchDetector(
            network.to(device),
            validation["score_scale"],
            validation["score_bias"],
            self.data.scale.longest_side,
            method.reidentification,
        )

    def _describe_detection(self, method: Method) -> dict[str, Any]:
        side = self.data.scale.longest_side
        return {
            "longest_side": side,
            "lowest_score": MIN_SCORE,
            "embeddings": method.reidentification,
        }

    def _hash_peer(self, peer: ExternalDetector) -> str:
        digest = sha256()
        for recording in self.data.recordings:
            path = self.peers[peer.name] / f"{recording.name}.txt"
            if not path.is_file():
                raise FormatError(
                    path, "detections", f"a MOT file for the sequence {recording.name}", "none"
                )
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def _score(
        self, source: Method | ExternalDetector, tables: Sequence[DetectionTable]
    ) -> dict[str, Any]:
        """Track, write MOT files, and score them, all recordings together."""
        config = self.choose_tracker(source)
        directory = (
            self.directory / "tracks" / f"{_name(source)}-{compute_key(self.describe(source))}"
        )
        make_directory(directory)
        for recording, table in zip(self.data.recordings, tables, strict=True):
            write_mot(
                directory / f"{recording.name}.txt",
                [_to_chunk(associate(table, config, recording.fps), recording)],
            )
        parts = [
            scored.scores
            for truth in self.data.truths
            for scored in evaluate(
                directory,
                truth.root,
                protocol=truth.protocol,
                split=truth.split,
                sequences=truth.names,
                allow_empty=True,
            ).details
        ]
        return Scores.combine(parts).to_metrics().to_dict()


def associate(table: DetectionTable, config: TrackingConfig, fps: float) -> Tracks:
    """Tracks of all detections of a recording."""
    tracks = make_tracker(config, fps).follow(table)
    if config.scores.min_mean is None:
        return tracks
    return select_tracks(tracks, find_likely_tracks([tracks], config.scores.min_mean))


def _to_chunk(tracks: Tracks, recording: BenchmarkRecording) -> TracksChunk:
    return TracksChunk(0, np.arange(tracks.n_frames) / recording.fps, tracks)


def _name(source: Method | ExternalDetector) -> str:
    """Name of a row's result: its network, and its tracker."""
    return f"{source.name if isinstance(source, ExternalDetector) else source.network}-{source.tracker}"
