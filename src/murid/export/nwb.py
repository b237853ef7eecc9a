"""Neurodata Without Borders (NWB): each animal as a pose in ``ndx-pose``, and its box.

One file contains all animals. If the target is a directory, there is one file per animal, as DANDI
requires.
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
from murid.core.identity_probabilities import MIN_CERTAIN_PROBABILITY, is_uncertain
from murid.core.keypoints import KEYPOINTS, SKELETON
from murid.core.types import SOURCES, Trajectories
from murid.corrections.summary import CorrectionsSummary
from murid.export.checks import (
    check_has_tracks,
    check_libraries,
    check_subject_names,
    check_suffix,
)
from murid.export.recording import TrackedRecording
from murid.export.trajectories import HDF5_CHUNK_FRAMES, iterate_trajectories

# The family of mice and rats, the species if the user gives none.
MURIDAE = "http://purl.obolibrary.org/obo/NCBITaxon_10066"
# NWB Inspector requires species, sex and age. U stands for an unknown sex, P0D/ for any age.
UNKNOWN_SUBJECT = {"species": MURIDAE, "sex": "U", "age": "P0D/"}
NODE = "centroid"

_BEHAVIOR = "processing/behavior"


def export_nwb(path: str | Path, recording: TrackedRecording) -> None:
    """Write the trajectories of animals as NWB, atomically, chunk by chunk.

    In ``processing/behavior``, for each animal: ``<animal>``, a ``PoseEstimation`` whose series
    ``centroid`` is the centre of the box in pixels, with its confidence, and, in a recording with
    keypoints, a series for each of `murid.core.keypoints`; ``<animal>_box``,
    ``BehavioralTimeSeries`` of ``size`` (width, height in pixels), ``identity_probability``, and
    ``interpolated``, 1 where a position was interpolated. In a file of one animal, the pose is
    called ``PoseEstimation``. Frames at a constant rate have ``rate``, others ``timestamps``. Where
    a person corrected identities, ``<animal>_box`` has ``source``, and ``notes`` describe the
    corrections.

    Parameters
    ----------
    path : str or Path
        The file, ``.nwb``; an existing one is replaced. Or, without a suffix, a directory that does
        not exist or is empty.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If the suffix is another one, there is no track, `TrackedRecording.metadata` describes an
        unknown animal, or the directory is not empty.
    MissingExtraError
        If pynwb or ndx-pose is not installed.
    StorageError
        If the file cannot be written.
    """
    path = Path(path)
    expected = ".nwb, or none for a directory of one file an animal"
    check_suffix(path, (".nwb", ""), expected)
    check_libraries("nwb", pynwb="pynwb", ndx_pose="ndx-pose")
    check_has_tracks(recording)
    check_subject_names(recording)
    if path.suffix:
        with replace_on_success(path) as temporary:
            _write({temporary: recording.names}, recording)
    else:
        with stage_directory(path) as directory:
            files = {
                directory / f"{recording.name}_{name}.nwb": (name,) for name in recording.names
            }
            _write(files, recording)


def _write(files: Mapping[Path, Sequence[str]], recording: TrackedRecording) -> None:
    """Write NWB files, each with the animals of these names, in one pass over the recording."""
    h5py = import_extra("h5py", "h5py", "nwb")
    # pynwb creates the datasets without values; h5py then fills them chunk by chunk, since pynwb
    # would need all values in memory.
    for path, names in files.items():
        _create_file(path, recording, names)
    with ExitStack() as stack:
        animals = []
        for path, names in files.items():
            file = stack.enter_context(h5py.File(path, "r+"))
            for name in names:
                containers = _ContainerNames.choose(name, names)
                animals.append((file, containers, recording.names.index(name)))
        for frames, trajectories in iterate_trajectories(recording):
            for file, containers, column in animals:
                _fill_datasets(file, containers, frames, trajectories, column)


@dataclass(frozen=True)
class _ContainerNames:
    """Names of the NWB containers of one animal."""

    pose: str
    box: str

    @classmethod
    def choose(cls, name: str, names: Sequence[str]) -> _ContainerNames:
        """Choose the names for one of the animals of a file."""
        return cls(name if len(names) > 1 else "PoseEstimation", f"{name}_box")


def _fill_datasets(
    file: Any,
    containers: _ContainerNames,
    frames: slice,
    trajectories: Trajectories,
    column: int,
) -> None:
    """Store the values of one animal, a column of `trajectories`."""
    pose = f"{_BEHAVIOR}/{containers.pose}/{NODE}"
    box = f"{_BEHAVIOR}/{containers.box}"
    if trajectories.keypoints is not None and trajectories.keypoint_confidence is not None:
        for k, name in enumerate(KEYPOINTS):
            series = file[f"{_BEHAVIOR}/{containers.pose}/{name}"]
            series["data"][frames] = trajectories.keypoints[:, :, k, column]
            series["confidence"][frames] = trajectories.keypoint_confidence[:, k, column]
    file[f"{pose}/data"][frames] = trajectories.position[..., column]
    file[f"{pose}/confidence"][frames] = trajectories.confidence[..., column]
    file[f"{box}/size/data"][frames] = trajectories.shape[..., column]
    probability = trajectories.identity_probability
    if probability is not None:
        file[f"{box}/identity_probability/data"][frames] = probability[..., column]
    if trajectories.interpolated is not None:
        file[f"{box}/interpolated/data"][frames] = trajectories.interpolated[..., column]
    if f"{box}/source" in file and trajectories.source is not None:
        file[f"{box}/source/data"][frames] = trajectories.source[..., column]
    if f"{pose}/timestamps" in file:
        file[f"{pose}/timestamps"][frames] = trajectories.time_s


def _create_file(path: Path, recording: TrackedRecording, names: Sequence[str]) -> None:
    """Create an NWB file of the animals of these names, its datasets without values."""
    pynwb = import_extra("pynwb", "pynwb", "nwb")
    ndx_pose = import_extra("ndx_pose", "ndx-pose", "nwb")
    content = _make_nwb_file(recording, names)
    behavior = content.create_processing_module("behavior", "Where the animals are, by murid")
    skeletons = []
    for name in names:
        factory = _ContainerFactory(recording, name, _ContainerNames.choose(name, names))
        skeleton = factory.make_skeleton()
        skeletons.append(skeleton)
        pose = factory.make_pose(skeleton)
        behavior.add(pose)
        behavior.add(factory.make_box(pose[NODE]))
    behavior.add(ndx_pose.Skeletons(skeletons=skeletons))
    if len(names) > 1:
        behavior.add(_make_subject_table(recording, names))
    with pynwb.NWBHDF5IO(str(path), "w") as file:
        file.write(content)


def _make_nwb_file(recording: TrackedRecording, names: Sequence[str]) -> Any:
    pynwb = import_extra("pynwb", "pynwb", "nwb")
    given = {
        key: value
        for key, value in recording.metadata.items()
        if key not in ("subject", "subjects")
    }
    start, origin = _find_start(recording, given.pop("session_start_time", None))
    subject_ids = [_describe_subject(recording, name)["subject_id"] for name in names]
    identifier = "-".join([recording.name, *subject_ids, recording.fingerprint[:12]])
    defaults = {
        "session_description": f"Video {recording.name}, tracked by murid {version('murid')}. "
        f"session_start_time is {origin}.",
        "identifier": identifier.rstrip("-"),
        "session_id": recording.name,
    }
    if recording.corrections:
        given["notes"] = _add_corrections(given.get("notes"), recording.corrections)
    if len(names) == 1:
        subject = _describe_subject(recording, names[0])
    else:
        # NWB allows one subject per file, so this one stands for all animals.
        subject = UNKNOWN_SUBJECT | dict(recording.metadata.get("subject", {}))
        subject["subject_id"] = "+".join(subject_ids)
        subject["description"] = "Several animals; see processing/behavior/subjects."
    return pynwb.NWBFile(
        **defaults | given, session_start_time=start, subject=pynwb.file.Subject(**subject)
    )


def _add_corrections(notes: str | None, corrections: CorrectionsSummary) -> str:
    """Return the notes of the user and a line about the corrections."""
    line = f"Identities follow from {corrections.describe()}. {corrections.to_json()}"
    return line if notes is None else f"{notes}\n{line}"


def _find_start(recording: TrackedRecording, given: datetime | None) -> tuple[datetime, str]:
    """Return the start of the session, and the source of this time as text."""
    if given is not None:
        return given.astimezone(), "as the user says"
    if recording.started_at is not None:
        return recording.started_at.astimezone(), "that of the first frame, by its timestamp"
    try:
        changed = datetime.fromtimestamp(Path(recording.source).stat().st_mtime, UTC)
    except OSError:
        start = recording.tracked_at or datetime.now(UTC)
        return start, "not known; it is when the video was tracked"
    return changed, "not known; it is when the video file was last changed"


def _describe_subject(recording: TrackedRecording, name: str) -> dict[str, Any]:
    """Return the fields of an NWB subject: those of this animal, of all animals, or defaults."""
    common = recording.metadata.get("subject", {})
    own = recording.metadata.get("subjects", {}).get(name, {})
    subject: dict[str, Any] = {**UNKNOWN_SUBJECT}
    subject |= {"subject_id": name, "description": f"{name} of murid"}
    subject |= common
    subject |= own
    if "date_of_birth" in subject:
        subject["date_of_birth"] = subject["date_of_birth"].astimezone()
        # With a date of birth, the default "any age" is not needed.
        if "age" not in common and "age" not in own:
            del subject["age"]
    return subject


def _make_subject_table(recording: TrackedRecording, names: Sequence[str]) -> Any:
    """Make a table with one row per animal: its name in this file and its subject fields."""
    hdmf_common = import_extra("hdmf.common", "pynwb", "nwb")
    rows = [{"animal": name} | _describe_subject(recording, name) for name in names]
    # All fields of any animal, in order of first use; descriptions are for files of one animal.
    fields = dict.fromkeys(key for row in rows for key in row if key != "description")
    columns = [
        hdmf_common.VectorData(
            name=field,
            description=f"{field} of the animal".replace("_", " "),
            data=[str(row.get(field, "")) for row in rows],
        )
        for field in fields
    ]
    columns += _make_probability_columns(recording, names)
    return hdmf_common.DynamicTable(
        name="subjects", description="The animals, by the name of their series", columns=columns
    )


def _make_probability_columns(recording: TrackedRecording, names: Sequence[str]) -> list[Any]:
    """Make columns on how likely the identity of each animal is right; none for tracks."""
    identity_probabilities = recording.identity_probabilities
    if identity_probabilities is None:
        return []
    hdmf_common = import_extra("hdmf.common", "pynwb", "nwb")
    by_name = {
        recording.get_name(identity): probability
        for identity, probability in zip(
            identity_probabilities.ids, identity_probabilities.means, strict=True
        )
    }
    probabilities = [by_name[name] for name in names]
    return [
        hdmf_common.VectorData(
            name="identity_probability",
            description="Mean probability that it is this animal, 0 to 1",
            data=probabilities,
        ),
        hdmf_common.VectorData(
            name="identity_uncertain",
            description=f"Whether that is below {MIN_CERTAIN_PROBABILITY}",
            data=[is_uncertain(probability) for probability in probabilities],
        ),
    ]


class _ContainerFactory:
    """Makes the NWB containers of one animal, their datasets without values."""

    def __init__(self, recording: TrackedRecording, name: str, containers: _ContainerNames) -> None:
        self._recording = recording
        self._name = name
        self._containers = containers
        self._pynwb = import_extra("pynwb", "pynwb", "nwb")
        self._ndx_pose = import_extra("ndx_pose", "ndx-pose", "nwb")

    def make_skeleton(self) -> Any:
        """Make the skeleton: the centre of the box, and keypoints with edges between them."""
        name = f"{self._name}_skeleton"
        if not self._recording.summary.has_keypoints:
            return self._ndx_pose.Skeleton(name=name, nodes=[NODE])
        nodes = [NODE, *KEYPOINTS]
        edges = [[nodes.index(KEYPOINTS[k]) for k in edge] for edge in SKELETON]
        return self._ndx_pose.Skeleton(name=name, nodes=nodes, edges=np.array(edges, np.uint8))

    def make_pose(self, skeleton: Any) -> Any:
        """Make the pose: the centre of the box, and the keypoints."""
        centroid = self._ndx_pose.PoseEstimationSeries(
            name=NODE,
            description=f"Centre of the box around {self._name}, without the tail; "
            "NaN where it was not found",
            confidence_definition="Score of the detector; 0 where the position was interpolated",
            **self._make_positions(),
            **self._make_times(),
        )
        series = [centroid]
        if self._recording.summary.has_keypoints:
            series += [self._make_keypoint(name, centroid) for name in KEYPOINTS]
        recording = self._recording
        return self._ndx_pose.PoseEstimation(
            name=self._containers.pose,
            pose_estimation_series=series,
            description=f"Where {self._name} is in {recording.source}, "
            f"{recording.width} x {recording.height} pixels",
            scorer="murid",
            source_software="murid",
            source_software_version=version("murid"),
            skeleton=skeleton,
        )

    def _make_positions(self) -> dict[str, Any]:
        """Make what each series of a pose has: positions in pixels, and their confidence."""
        return {
            "data": self._make_dataset(2),
            "unit": "pixels",
            "reference_frame": "(0, 0) is the upper left corner of the image, x to the right, "
            "y downwards",
            "confidence": self._make_dataset(dtype=np.float32),
        }

    def _make_keypoint(self, name: str, centroid: Any) -> Any:
        """Make the series of a keypoint, with the times of the centroid."""
        return self._ndx_pose.PoseEstimationSeries(
            name=name,
            description=f"{name.replace('_', ' ').capitalize()} of {self._name}; NaN where it was "
            "not found",
            confidence_definition="Confidence of the network; 0 where it was interpolated",
            **self._make_positions(),
            **_share_times(centroid),
        )

    def _make_times(self) -> dict[str, Any]:
        fps = self._recording.summary.constant_fps
        if fps is None:
            return {"timestamps": self._make_dataset()}
        return {"rate": fps, "starting_time": self._find_first_time_s()}

    def _find_first_time_s(self) -> float:
        for chunk in self._recording:
            if len(chunk.times_s):
                return float(chunk.times_s[0])
        return 0.0

    def make_box(self, centroid: Any) -> Any:
        """Make the series of the box: size and, with identities, probability and interpolated."""
        size = self._make_series(
            centroid, "size", "Width and height of the box", "pixels", self._make_dataset(2)
        )
        series = [size]
        if self._recording.identified:
            probability = self._make_series(
                centroid,
                "identity_probability",
                "Probability that it is this animal, 0 to 1",
                "n.a.",
                self._make_dataset(dtype=np.float32),
            )
            interpolated = self._make_series(
                centroid,
                "interpolated",
                "1 where the position was interpolated rather than detected",
                "n.a.",
                self._make_dataset(dtype=np.uint8),
            )
            series += [probability, interpolated]
        if self._recording.corrections:
            meanings = ", ".join(f"{k} {source}" for k, source in enumerate(SOURCES))
            source = self._make_series(
                centroid,
                "source",
                f"Who says that it is this animal: {meanings}, -1 where it is missing",
                "n.a.",
                self._make_dataset(dtype=np.int8),
            )
            series.append(source)
        return self._pynwb.behavior.BehavioralTimeSeries(
            name=self._containers.box, time_series=series
        )

    def _make_series(self, centroid: Any, name: str, description: str, unit: str, data: Any) -> Any:
        """Make a time series with the times of the centroid."""
        return self._pynwb.TimeSeries(
            name=name, description=description, unit=unit, data=data, **_share_times(centroid)
        )

    def _make_dataset(self, *last_axes: int, dtype: Any = np.float64) -> Any:
        """Make a dataset without values, with one entry, or one row, per frame."""
        n_frames = self._recording.n_frames
        missing = {"fillvalue": np.nan} if np.issubdtype(dtype, np.floating) else {}
        return self._pynwb.H5DataIO(
            shape=(n_frames, *last_axes),
            dtype=np.dtype(dtype),
            chunks=(min(HDF5_CHUNK_FRAMES, n_frames), *last_axes),
            compression="gzip",
            shuffle=True,
            **missing,
        )


def _share_times(centroid: Any) -> dict[str, Any]:
    """Return the arguments that give a series the times of another one."""
    if centroid.rate is None:
        return {"timestamps": centroid}
    return {"rate": centroid.rate, "starting_time": centroid.starting_time}
