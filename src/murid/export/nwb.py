"""Neurodata Without Borders: the centroid of each animal as a pose of ``ndx-pose``, its box and certainty beside it.

One file holds all animals; given a directory, there is one file an animal, as DANDI wants it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.files import replace_on_success, stage_directory
from murid.core.types import Trajectories
from murid.errors import FormatError
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories, require_animals

MURIDAE = "http://purl.obolibrary.org/obo/NCBITaxon_10066"
"""Species where none is given: the family."""

UNKNOWN_SUBJECT = {"species": MURIDAE, "sex": "U", "age": "P0D/"}
NODE = "centroid"
CHUNK_FRAMES = 4096

_BEHAVIOR = "processing/behavior"


def export_nwb(path: str | Path, recording: TrackedRecording) -> None:
    """Write the trajectories of animals, atomically; values are put in stretch by stretch.

    In ``processing/behavior``, for each animal: ``<animal>``, a ``PoseEstimation`` whose one series
    ``centroid`` is the centre of the box in pixels, with its confidence; ``<animal>_box``,
    ``BehavioralTimeSeries`` of ``size`` (width, height in pixels), ``identity_probability`` of the
    identity, and ``interpolated``, 1 where a position was filled in. In a file of one animal, the
    pose is called ``PoseEstimation``. Frames at a constant rate have ``rate``, others
    ``timestamps``.

    Parameters
    ----------
    path : str or Path
        The file, ``.nwb``; one that is there is replaced. Or, without a suffix, a directory that is
        not there or empty.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If the suffix is another, there is no animal, `TrackedRecording.metadata` names one that is not
        there, or the directory is not empty.
    MissingExtraError
        If pynwb or ndx-pose is not installed.
    StorageError
        If it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".nwb", ""):
        raise FormatError(
            path, "suffix", ".nwb, or none for a directory of one file an animal", repr(path.suffix)
        )
    for module, package in (("pynwb", "pynwb"), ("ndx_pose", "ndx-pose")):
        import_extra(module, package, "nwb")
    require_animals(recording)
    _check_subjects(recording)
    if path.suffix:
        with replace_on_success(path) as temporary:
            _write({temporary: recording.names}, recording)
    else:
        with stage_directory(path) as directory:
            _write(
                {directory / f"{recording.name}_{name}.nwb": (name,) for name in recording.names},
                recording,
            )


def _check_subjects(recording: TrackedRecording) -> None:
    for name in recording.metadata.get("subjects", {}):
        if name not in recording.names:
            raise FormatError(
                recording.source, f"subjects.{name}", " or ".join(recording.names), "no such animal"
            )


def _write(files: Mapping[Path, Sequence[str]], recording: TrackedRecording) -> None:
    """Make each file with datasets without values, then go through the recording once to fill them."""
    h5py = import_extra("h5py", "h5py", "nwb")
    for path, names in files.items():
        _create(path, recording, names)
    with ExitStack() as stack:
        opened = [
            (stack.enter_context(h5py.File(path, "r+")), names) for path, names in files.items()
        ]
        for where, trajectories in iterate_trajectories(recording):
            for file, names in opened:
                for name in names:
                    _fill(
                        file,
                        _Place.of(name, names),
                        where,
                        trajectories,
                        recording.names.index(name),
                    )


@dataclass(frozen=True)
class _Place:
    """What the containers of one animal are called."""

    pose: str
    box: str

    @classmethod
    def of(cls, name: str, names: Sequence[str]) -> _Place:
        return cls(name if len(names) > 1 else "PoseEstimation", f"{name}_box")


def _fill(file: Any, place: _Place, where: slice, trajectories: Trajectories, row: int) -> None:
    pose, box = f"{_BEHAVIOR}/{place.pose}/{NODE}", f"{_BEHAVIOR}/{place.box}"
    file[f"{pose}/data"][where] = trajectories.position[..., row]
    file[f"{pose}/confidence"][where] = trajectories.confidence[..., row]
    file[f"{box}/size/data"][where] = trajectories.shape[..., row]
    if trajectories.identity_probability is not None:
        file[f"{box}/identity_probability/data"][where] = trajectories.identity_probability[
            ..., row
        ]
    if trajectories.interpolated is not None:
        file[f"{box}/interpolated/data"][where] = trajectories.interpolated[..., row]
    if f"{pose}/timestamps" in file:
        file[f"{pose}/timestamps"][where] = trajectories.time_s


def _create(path: Path, recording: TrackedRecording, names: Sequence[str]) -> None:
    pynwb = import_extra("pynwb", "pynwb", "nwb")
    content = _make_file(recording, names)
    behavior = content.create_processing_module("behavior", "Where the animals are, by murid")
    skeletons = []
    for name in names:
        maker = _Maker(recording, name, _Place.of(name, names))
        skeletons.append(maker.make_skeleton())
        pose = maker.make_pose(skeletons[-1])
        behavior.add(pose)
        behavior.add(maker.make_box(pose[NODE]))
    behavior.add(import_extra("ndx_pose", "ndx-pose", "nwb").Skeletons(skeletons=skeletons))
    if len(names) > 1:
        behavior.add(_make_subject_table(recording, names))
    with pynwb.NWBHDF5IO(str(path), "w") as file:
        file.write(content)


def _make_file(recording: TrackedRecording, names: Sequence[str]) -> Any:
    pynwb = import_extra("pynwb", "pynwb", "nwb")
    fields = {
        key: value
        for key, value in recording.metadata.items()
        if key not in ("subject", "subjects")
    }
    start, origin = _find_start(recording, fields.pop("session_start_time", None))
    ids = [_describe_subject(recording, name)["subject_id"] for name in names]
    defaults = {
        "session_description": f"Video {recording.name}, tracked by murid {version('murid')}. "
        f"session_start_time is {origin}.",
        "identifier": "-".join([recording.name, *ids, recording.fingerprint[:12]]).rstrip("-"),
        "session_id": recording.name,
    }
    subject = _describe_subject(recording, names[0])
    if len(names) > 1:
        subject = UNKNOWN_SUBJECT | dict(recording.metadata.get("subject", {}))
        subject |= {
            "subject_id": "+".join(ids),
            "description": "Several animals; see processing/behavior/subjects.",
        }
    return pynwb.NWBFile(
        **defaults | fields, session_start_time=start, subject=pynwb.file.Subject(**subject)
    )


def _find_start(recording: TrackedRecording, given: datetime | None) -> tuple[datetime, str]:
    """When the session began, and how that is known."""
    if given is not None:
        return given.astimezone(), "as the user says"
    try:
        changed = datetime.fromtimestamp(Path(recording.source).stat().st_mtime, UTC)
    except OSError:
        return recording.made or datetime.now(UTC), "not known; it is when the video was tracked"
    return changed, "not known; it is when the video file was last changed"


def _describe_subject(recording: TrackedRecording, name: str) -> dict[str, Any]:
    common, own = (
        recording.metadata.get("subject", {}),
        recording.metadata.get("subjects", {}).get(name, {}),
    )
    described: dict[str, Any] = (
        UNKNOWN_SUBJECT | {"subject_id": name, "description": f"{name} of murid"} | common | own
    )
    if "date_of_birth" in described:
        described["date_of_birth"] = described["date_of_birth"].astimezone()
        if "age" not in {**common, **own}:
            del described["age"]
    return described


def _make_subject_table(recording: TrackedRecording, names: Sequence[str]) -> Any:
    """A row an animal: its name in this file, and what is known of it."""
    hdmf_common = import_extra("hdmf.common", "pynwb", "nwb")
    rows = [{"animal": name} | _describe_subject(recording, name) for name in names]
    columns = [
        key for key in dict.fromkeys(key for row in rows for key in row) if key != "description"
    ]
    cells = [[str(row.get(key, "")) for row in rows] for key in columns]
    return hdmf_common.DynamicTable(
        name="subjects",
        description="The animals, by the name of their series",
        columns=[
            hdmf_common.VectorData(
                name=key, description=f"{key} of the animal".replace("_", " "), data=column
            )
            for key, column in zip(columns, cells, strict=True)
        ],
    )


class _Maker:
    """Makes the containers of one animal, their datasets without values."""

    def __init__(self, recording: TrackedRecording, name: str, place: _Place) -> None:
        self._recording, self._name, self._place = recording, name, place
        self._pynwb = import_extra("pynwb", "pynwb", "nwb")
        self._ndx_pose = import_extra("ndx_pose", "ndx-pose", "nwb")

    def make_skeleton(self) -> Any:
        return self._ndx_pose.Skeleton(name=f"{self._name}_skeleton", nodes=[NODE])

    def make_pose(self, skeleton: Any) -> Any:
        rate = self._recording.survey.rate
        times = (
            {"timestamps": self._reserve()}
            if rate is None
            else {"rate": rate, "starting_time": self._start()}
        )
        series = self._ndx_pose.PoseEstimationSeries(
            name=NODE,
            description=f"Centre of the box around {self._name}, without the tail; NaN where it was not found",
            data=self._reserve(2),
            unit="pixels",
            reference_frame="(0, 0) is the upper left corner of the picture, x to the right, y downwards",
            confidence=self._reserve(dtype=np.float32),
            confidence_definition="Score of the detector; 0 where the position was filled in",
            **times,
        )
        return self._ndx_pose.PoseEstimation(
            name=self._place.pose,
            pose_estimation_series=[series],
            description=f"Where {self._name} is in {self._recording.source}, "
            f"{self._recording.width} x {self._recording.height} pixels",
            scorer="murid",
            source_software="murid",
            source_software_version=version("murid"),
            skeleton=skeleton,
        )

    def make_box(self, centroid: Any) -> Any:
        """Width and height and, where identities were told, certainty and what was filled in."""
        series = [
            self._make_series(
                centroid, "size", "Width and height of the box", "pixels", self._reserve(2)
            )
        ]
        if self._recording.identified:
            for name, description, dtype in (
                ("identity_probability", "How likely it is this animal, 0 to 1", np.float32),
                ("interpolated", "1 where the position was filled in rather than seen", np.uint8),
            ):
                series.append(
                    self._make_series(
                        centroid, name, description, "n.a.", self._reserve(dtype=dtype)
                    )
                )
        return self._pynwb.behavior.BehavioralTimeSeries(name=self._place.box, time_series=series)

    def _make_series(self, centroid: Any, name: str, description: str, unit: str, data: Any) -> Any:
        times = {"timestamps": centroid} if centroid.rate is None else {"rate": centroid.rate}
        if centroid.rate is not None:
            times["starting_time"] = centroid.starting_time
        return self._pynwb.TimeSeries(
            name=name, description=description, unit=unit, data=data, **times
        )

    def _start(self) -> float:
        return next(
            (float(stretch.times_s[0]) for stretch in self._recording if len(stretch.times_s)), 0.0
        )

    def _reserve(self, *last: int, dtype: Any = np.float64) -> Any:
        """A dataset of one entry, or one row, a frame."""
        n_frames = self._recording.n_frames
        missing = {"fillvalue": np.nan} if np.issubdtype(dtype, np.floating) else {}
        return self._pynwb.H5DataIO(
            shape=(n_frames, *last),
            dtype=np.dtype(dtype),
            chunks=(min(CHUNK_FRAMES, n_frames), *last),
            compression="gzip",
            shuffle=True,
            **missing,
        )
