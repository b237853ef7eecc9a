"""The drawings of several videos while a person works on them: changes, undo, saving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from murid.arena_page.backgrounds import BackgroundImages
from murid.arena_page.drawing import Drawing, ImageSize
from murid.arena_page.requests import Change, CopyVideo
from murid.arenas.draw import write_layout_image
from murid.arenas.file import read_arena_file, write_arena_file
from murid.arenas.layout import Layout
from murid.errors import ArrayError, FormatError
from murid.video import open_source
from murid.web.app import ConflictError


@dataclass(frozen=True, slots=True)
class VideoPaths:
    """A video and where its arena file is written; the image of it ends in .png."""

    source: str
    arena_file: Path

    @property
    def image_file(self) -> Path:
        """Where the image of the layout is written."""
        return self.arena_file.with_suffix(".png")


class ArenaSession:
    """The drawings of several videos; may be used by several threads.

    Parameters
    ----------
    videos : sequence of VideoPaths
    first : Layout, optional
        What the first video begins with, in place of its arena file.
    first_file : Path, optional
        The arena file from which `first` was read.
    backgrounds : BackgroundImages, optional
        Prepares the next video while a person draws.
    """

    def __init__(
        self,
        videos: Sequence[VideoPaths],
        first: Layout | None = None,
        first_file: Path | None = None,
        backgrounds: BackgroundImages | None = None,
    ) -> None:
        self._videos = videos
        self._first = first
        self._first_file = first_file
        self._backgrounds = backgrounds
        self._opened: dict[int, _OpenVideo] = {}
        self._lock = RLock()

    def list_videos(self) -> list[dict[str, Any]]:
        """Return each video with its name, its arena file and whether all is saved."""
        listed = []
        for number, paths in enumerate(self._videos):
            opened = self._opened.get(number)
            listed.append(
                {
                    "name": Path(paths.source).name,
                    "arena_file": str(paths.arena_file),
                    "is_open": opened is not None,
                    "is_saved": opened is None or opened.is_saved,
                    "has_file": paths.arena_file.exists(),
                }
            )
        return listed

    def open(self, video: int, previous: int | None = None) -> dict[str, Any]:
        """Return the state of a video, which is read when it is opened for the first time.

        It begins with its arena file. If it has none, it begins with the shapes of `previous`.

        Raises
        ------
        ConflictError
            If there is no such video.
        SourceError
            If it cannot be read.
        """
        self._check_number(video)
        with self._lock:
            if video not in self._opened:
                self._opened[video] = self._open(video, previous)
            state = self._opened[video].describe() | {"video": video}
        if self._backgrounds is not None:
            self._backgrounds.prepare(video + 1)
        return state

    def change(self, video: int, change: Change) -> dict[str, Any]:
        """Change a drawing, and return its state; it is as before if an error is raised.

        Raises
        ------
        ArrayError
            If the result would be no valid layout.
        ConflictError
            If the shape or the video is not there.
        """
        with self._lock:
            opened = self._get(video)
            if isinstance(change, CopyVideo):
                copied, note = self._copy(change.video, opened.drawing)
                opened.add(copied, f"copied from {self._name(change.video)}")
                opened.notes = [] if note is None else [note]
            else:
                opened.add(*opened.drawing.apply(change))
            return opened.describe() | {"video": video}

    def undo(self, video: int) -> dict[str, Any]:
        """Take the last change back, and return the state; raises `ConflictError` without one."""
        with self._lock:
            opened = self._get(video)
            opened.undo()
            return opened.describe() | {"video": video}

    def redo(self, video: int) -> dict[str, Any]:
        """Make the last undone change again, and return the state; raises `ConflictError`."""
        with self._lock:
            opened = self._get(video)
            opened.redo()
            return opened.describe() | {"video": video}

    def save(self, video: int, *, overwrite: bool = False) -> dict[str, Any]:
        """Write the arena file of a video and the image of it, and return the state.

        Raises
        ------
        ConflictError
            If there is an arena file that is not the one that was opened or saved, unless
            `overwrite`.
        StorageError
            If a file cannot be written.
        """
        with self._lock:
            opened = self._get(video)
            opened.save(overwrite)
            layout = opened.drawing.layout
            if self._backgrounds is not None:
                write_layout_image(opened.paths.image_file, self._backgrounds.get(video), layout)
            return opened.describe() | {"video": video}

    def check_is_open(self, video: int) -> None:
        """Raise `ConflictError` if a video is not open."""
        self._get(video)

    @property
    def saved_files(self) -> list[Path]:
        """The arena files that were written."""
        return [opened.paths.arena_file for opened in self._opened.values() if opened.was_written]

    @property
    def unsaved_files(self) -> list[Path]:
        """The arena files of drawings that are not saved."""
        return [opened.paths.arena_file for opened in self._opened.values() if not opened.is_saved]

    def _open(self, video: int, previous: int | None) -> _OpenVideo:
        paths = self._videos[video]
        info = open_source(paths.source).info
        size = ImageSize(info.width, info.height, info.pixel_aspect)
        opened = _OpenVideo(paths, Drawing(size))
        if video == 0 and self._first is not None:
            file = self._first_file
            if file is not None and file.resolve() == paths.arena_file.resolve():
                opened.load()
            opened.begin_with(Drawing.from_layout(self._first, size.pixel_aspect))
        elif paths.arena_file.exists():
            opened.load()
        elif previous is not None and previous in self._opened:
            self._begin_with(opened, previous)
        return opened

    def _begin_with(self, opened: _OpenVideo, previous: int) -> None:
        """Give a video the shapes of another one, or a note on why it cannot have them."""
        name = self._name(previous)
        try:
            copied, note = self._copy(previous, opened.drawing)
        except ArrayError as error:
            opened.notes = [f"Nothing was copied from {name}: {error}."]
            return
        if copied.shapes or copied.cm_per_px is not None:
            opened.begin_with(copied)
            opened.copied_from = name
            opened.notes = [] if note is None else [note]

    def _copy(self, other: int, drawing: Drawing) -> tuple[Drawing, str | None]:
        """Return the drawing of another video for the images of this one, and a note."""
        source = self._get(other).drawing
        note = None
        if (source.size.width, source.size.height) != (drawing.size.width, drawing.size.height):
            note = (
                f"{self._name(other)} has images of {source.size} pixels, this video of "
                f"{drawing.size}: shapes and scale were adapted to the same field of view."
            )
        return source.fit(drawing.size), note

    def _get(self, video: int) -> _OpenVideo:
        self._check_number(video)
        if video not in self._opened:
            raise ConflictError(f"video: expected one that is open, got number {video}")
        return self._opened[video]

    def _check_number(self, video: int) -> None:
        if not 0 <= video < len(self._videos):
            expected = f"0 to {len(self._videos) - 1}"
            raise ConflictError(f"video: expected {expected}, got number {video}")

    def _name(self, video: int) -> str:
        return Path(self._videos[video].source).name


class _OpenVideo:
    """The drawing of one video with all its earlier states, and its arena file."""

    def __init__(self, paths: VideoPaths, drawing: Drawing) -> None:
        self.paths = paths
        self.notes: list[str] = []
        self.copied_from: str | None = None
        self.was_written = False
        # Each state with what was done to get there. Drawings are immutable, and share shapes.
        self._states: list[tuple[Drawing, str]] = [(drawing, "")]
        self._position = 0
        self._saved: dict[str, Any] = Drawing(drawing.size).layout.to_dict()
        # Bytes of the arena file that this drawing continues; None if it continues none.
        self._known_file: bytes | None = None

    @property
    def drawing(self) -> Drawing:
        """The drawing as it is now."""
        return self._states[self._position][0]

    @property
    def is_saved(self) -> bool:
        """Whether the arena file holds the drawing, or there is nothing to save."""
        return self.drawing.layout.to_dict() == self._saved

    def load(self) -> None:
        """Begin with the arena file, or with a note on why it cannot be read."""
        size = self.drawing.size
        path = self.paths.arena_file
        try:
            layout = read_arena_file(path, (size.width, size.height), size.pixel_aspect)
        except FormatError as error:
            self.notes = [f"The arena file was not opened: {error}."]
            return
        self.begin_with(Drawing.from_layout(layout, size.pixel_aspect))
        self._saved = layout.to_dict()
        self._known_file = path.read_bytes()

    def begin_with(self, drawing: Drawing) -> None:
        """Replace the first state."""
        self._states = [(drawing, "")]
        self._position = 0

    def add(self, drawing: Drawing, words: str) -> None:
        """Continue with another drawing; what was undone before is gone."""
        if drawing == self.drawing:
            return
        del self._states[self._position + 1 :]
        self._states.append((drawing, words))
        self._position += 1

    def undo(self) -> None:
        """Go back to the state before; raises `ConflictError` at the first one."""
        if self._position == 0:
            raise ConflictError("undo: expected a change, got none")
        self._position -= 1

    def redo(self) -> None:
        """Go on to the state after; raises `ConflictError` at the last one."""
        if self._position == len(self._states) - 1:
            raise ConflictError("redo: expected a change that was undone, got none")
        self._position += 1

    def save(self, overwrite: bool) -> None:
        """Write the arena file; raises `ConflictError` if it is another one than was opened."""
        path = self.paths.arena_file
        content = path.read_bytes() if path.exists() else None
        is_known = content == self._known_file
        if content is not None and not is_known and not overwrite:
            expected = "no file, or the one that was opened"
            raise ConflictError(f"{path}: file: expected {expected}, got another one")
        if content is not None and is_known and self.is_saved:
            # The file says the same already, and may have comments.
            return
        write_arena_file(path, self.drawing.layout)
        self._known_file = path.read_bytes()
        self._saved = self.drawing.layout.to_dict()
        self.was_written = True

    def describe(self) -> dict[str, Any]:
        """Return the state as plain values."""
        drawing = self.drawing
        is_last = self._position == len(self._states) - 1
        return {
            "name": Path(self.paths.source).name,
            "arena_file": str(self.paths.arena_file.absolute()),
            "image_file": str(self.paths.image_file.absolute()),
            "width": drawing.size.width,
            "height": drawing.size.height,
            "pixel_aspect": drawing.size.pixel_aspect,
            "shapes": drawing.shapes,
            "cm_per_px": drawing.cm_per_px,
            "notes": self.notes,
            "copied_from": self.copied_from,
            "is_saved": self.is_saved,
            "undo": self._states[self._position][1] or None,
            "redo": None if is_last else self._states[self._position + 1][1],
        }
