"""Read YOLO labels: one text file per image, of ``class centre_x centre_y width height``.

Coordinates are fractions of the width and height of the image. Images are below ``images/``, labels
at the same path below ``labels/``; see `murid.datasets.yolo_layout` for where they are, and
`murid.datasets.yolo_rows` for the columns that rows may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from murid.core.plurals import format_count
from murid.datasets.labels import Problem
from murid.datasets.media import number_images, read_image_size
from murid.datasets.raw_labels import DEFAULT_CLASS, Box, Label, RawLabels, ReadOptions, Size
from murid.datasets.text import read_lines
from murid.datasets.yolo_layout import (
    ImageSet,
    Layout,
    find_labels_without_image,
    read_layout,
    recognise,
)
from murid.datasets.yolo_rows import Columns, Row, find_columns
from murid.errors import FormatError

__all__ = ["find_files", "read", "recognise"]

# In the format, an image without a label file has no animal. Where this is so for as many images
# as not, they are more likely not labelled yet.
_MAX_SHARE_WITHOUT_LABELS = 0.5


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the data set itself."""
    return [path]


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read each folder of images, or each list of them, as one sequence.

    Raises `FormatError` if ``data.yaml`` is damaged.
    """
    layout = read_layout(path, options.split)
    readers = [_SetReader(image_set, layout) for image_set in layout.sets]
    every_file = [rows for reader in readers for rows in reader.rows.values()]
    columns = find_columns(every_file, layout.n_keypoint_values)
    sequences = [reader.read(columns) for reader in readers]
    sequences = sequences or [RawLabels(layout.path.stem, layout.path, is_recording=False)]
    sequences[0].notes[:0] = [*layout.notes, *_describe_columns(columns, layout)]
    return sequences


def _describe_columns(columns: Columns, layout: Layout) -> list[str]:
    """Return what was made of columns that no file declares."""
    notes = []
    if columns.n_keypoint_values and not layout.n_keypoint_values:
        notes.append(
            f"{layout.path.name}: rows are read as boxes with keypoints, though there is no "
            "kpt_shape in a data.yaml"
        )
    if columns.has_score:
        notes.append(
            f"{layout.path.name}: rows have scores, as predictions have; all of them are read as "
            "labels"
        )
    if columns.has_track_id or columns.has_both:
        notes.append(f"{layout.path.name}: the last column is read as track ids")
    return notes


class _SetReader:
    """Reads one set of images: first the rows of all files, then their labels."""

    def __init__(self, image_set: ImageSet, layout: Layout) -> None:
        self._set = image_set
        self._layout = layout
        self._problems: list[Problem] = list(image_set.problems)
        self.rows: dict[Path, list[Row]] = {}
        for file in image_set.labels:
            if file.is_file():
                try:
                    self.rows[file] = [Row(file, k, text.split()) for k, text in read_lines(file)]
                except FormatError as error:
                    self._problems.append(Problem.from_error(error))
        self._n_polygons = 0

    def read(self, columns: Columns) -> RawLabels:
        """Return the labels. Images with track ids are frames of a recording."""
        is_recording = columns.has_track_id or columns.has_both
        raw = RawLabels(
            self._set.name,
            self._set.path,
            is_recording=is_recording,
            class_names=tuple(self._layout.class_names.values()),
            problems=self._problems,
        )
        images = self._set.images
        numbered = number_images(images) if is_recording else dict(enumerate(images))
        frames = {image: frame for frame, image in numbered.items()}
        unlabelled = []
        for image, file in zip(images, self._set.labels, strict=True):
            if file in self.rows:
                self._read_image(raw, frames[image], image, self.rows[file], columns)
            elif not file.is_file():
                unlabelled.append((image, file))
        self._add_unlabelled(raw, unlabelled, frames)
        raw.frames = list(raw.image_paths)
        for file in find_labels_without_image(self._set):
            expected = f"an image {file.stem} in {self._set.folder}"
            raw.problems.append(Problem(file, "", "image", expected, "none"))
        if self._n_polygons:
            polygons = format_count(self._n_polygons, "polygon")
            raw.notes.append(f"{raw.name}: {polygons} or oriented boxes became upright boxes")
        return raw

    def _add_unlabelled(
        self, raw: RawLabels, unlabelled: Sequence[tuple[Path, Path]], frames: dict[Path, int]
    ) -> None:
        """Add images without a label file: as empty ones where they are few, else as problems."""
        if len(unlabelled) >= _MAX_SHARE_WITHOUT_LABELS * len(self._set.images):
            for image, file in unlabelled:
                expected = f"{file.name} beside the other labels, empty if no animal is there"
                raw.problems.append(Problem(image, "", "labels", expected, "none"))
            return
        for image, _ in unlabelled:
            self._read_image(raw, frames[image], image, [], Columns())
        if unlabelled:
            images = format_count(len(unlabelled), "image")
            raw.notes.append(
                f"{raw.name}: {images} without a label file, such as "
                f"{unlabelled[0][0].name}, read as without animals"
            )

    def _read_image(
        self, raw: RawLabels, frame: int, image: Path, rows: Sequence[Row], columns: Columns
    ) -> None:
        raw.image_paths[frame] = image
        size = read_image_size(image)
        if size is None:
            return
        raw.image_sizes[frame] = size
        for row in rows:
            try:
                raw.labels.append(self._parse_label(row, frame, size, columns))
            except FormatError as error:
                raw.incomplete.add(frame)
                raw.problems.append(Problem.from_error(error))

    def _parse_label(self, row: Row, frame: int, size: Size, columns: Columns) -> Label:
        parsed = columns.parse(row)
        names = self._layout.class_names
        class_id = parsed.class_id
        if class_id % 1 or class_id < 0 or (names and class_id not in names):
            expected = f"one of {', '.join(map(str, names))}" if names else "a whole number from 0"
            raise row.make_error("class", expected, row.cells[0])
        self._n_polygons += parsed.is_polygon
        unnamed = DEFAULT_CLASS if class_id == 0 else f"class {int(class_id)}"
        return Label(
            frame,
            _to_pixels(parsed.box, size),
            row.path,
            f"line {row.line}",
            parsed.track_id,
            names.get(int(class_id), unnamed),
        )


def _to_pixels(box: Box, size: Size) -> Box:
    """Return an xyxy box in pixels from fractions of the image."""
    width, height = size
    left, top, right, bottom = box
    return left * width, top * height, right * width, bottom * height
