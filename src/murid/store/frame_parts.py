"""The frames of a run: their times, and which of them could not be decoded."""

from __future__ import annotations

from collections.abc import Iterator

from murid.core.types import Float64
from murid.store import parts
from murid.store.frame_table import FrameTable
from murid.store.run_state import RunState


class FrameParts:
    """The frames of a run, part by part; all methods raise `RunError` if a part is damaged."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def iterate(self) -> Iterator[FrameTable]:
        """Yield the frames of each part."""
        for number in range(self._state.n_parts):
            yield self.read_part(number)

    def read(self) -> FrameTable:
        """Return the frames of all parts."""
        return FrameTable.concatenate(list(self.iterate()))

    def read_part(self, number: int) -> FrameTable:
        """Return the frames of one part."""
        path = self._state.part_path("frames", number)
        return parts.read_frames(path, self._state.first_frame(number))

    def retime(self, times_s: Float64) -> None:
        """Give the frames of all parts other times ``(F,)`` float64, in seconds."""
        for number in range(self._state.n_parts):
            table = self.read_part(number)
            own_s = times_s[table.first_frame : table.first_frame + len(table)]
            retimed = FrameTable(table.first_frame, own_s, table.unreadable)
            parts.write_frames(self._state.part_path("frames", number), retimed)

    def list_unreadable(self) -> list[int]:
        """Return the indices of the frames that could not be decoded."""
        indices: list[int] = []
        for number in range(self._state.n_parts):
            path = self._state.part_path("frames", number)
            indices += parts.read_unreadable(path, self._state.first_frame(number))
        return indices

    def read_reason(self, index: int) -> str:
        """Return why a frame of `list_unreadable` could not be decoded."""
        part = self.read_part(index // self._state.manifest.part_frames)
        return part.unreadable[index]
