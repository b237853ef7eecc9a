"""Filmstrips of ID switches: an animal before, at and after the switch, with result boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from murid.core.boxes import compute_centres
from murid.core.types import Float64, Int64, UInt8
from murid.evaluation.evaluate import ScoredSequence
from murid.metrics import IdSwitch, LabelledBoxes
from murid.video import choose_colour

# Layout of a filmstrip: sides of the square tiles, height of captions, gaps between tiles.
_TILE_PX = 220
_CAPTION_PX = 46
_GAP_PX = 6

# Time between two tiles; short enough to follow an animal by eye.
_STEP_S = 0.2
_DEFAULT_FPS = 30.0

# Side of the image area in a tile, in lengths of the animal, and its minimum.
_FIELD_OF_VIEW = 2.6
_MIN_FIELD_PX = 48.0

# Length of the dashes of the ground truth box.
_DASH_PX = 8

_INK, _PAPER, _ACCENT = (34, 34, 34), (255, 255, 255), (213, 94, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def choose_frames(switch: IdSwitch, n_frames: int, fps: float | None) -> list[int]:
    """Return the frames of a filmstrip.

    Three up to the last frame with the old id, one in the middle of a gap, and three from the first
    frame with the new id on.
    """
    step = max(1, round(_STEP_S * (fps or _DEFAULT_FPS)))
    before = [switch.last_frame - 2 * step, switch.last_frame - step, switch.last_frame]
    between = (
        [(switch.last_frame + switch.frame) // 2] if switch.frame - switch.last_frame > 2 else []
    )
    after = [switch.frame, switch.frame + step, switch.frame + 2 * step]
    return [frame for frame in (*before, *between, *after) if 0 <= frame < n_frames]


class Filmstrip:
    """One filmstrip, which receives its frames one by one.

    Parameters
    ----------
    scored : ScoredSequence
    switch : IdSwitch
    """

    def __init__(self, scored: ScoredSequence, switch: IdSwitch) -> None:
        self.switch = switch
        self.frames = choose_frames(switch, scored.pair.n_frames, scored.pair.fps)
        self._scored = scored
        self._tiles: dict[int, UInt8] = {}
        own = np.flatnonzero(scored.truth.ids == switch.truth_id)
        self._truth_rows = own[np.argsort(scored.truth.frames[own], kind="stable")]

    def add(self, frame: int, image: UInt8) -> None:
        """Draw the tile of a frame."""
        scored = self._scored
        side = self._compute_field_px()
        corner = self._find_centre(frame) - side / 2
        tile = _crop(image, corner, side)
        scale = _TILE_PX / side
        rows = _rows_of(scored.result, frame)
        boxes = [
            ((scored.result.boxes[row].reshape(2, 2) - corner) * scale).round().astype(int)
            for row in rows
        ]
        names = scored.result.ids[rows].tolist()
        for box, name in zip(boxes, names, strict=True):
            first, second = box.tolist()
            cv2.rectangle(tile, first, second, _INK, 4, cv2.LINE_AA)
            cv2.rectangle(tile, first, second, choose_colour(name), 2, cv2.LINE_AA)
        for row in self._truth_rows[scored.truth.frames[self._truth_rows] == frame]:
            _draw_dashes(tile, (scored.truth.boxes[row].reshape(2, 2) - corner) * scale)
        for box, name in zip(boxes, names, strict=True):
            _write_id(tile, box, name)
        self._tiles[frame] = tile

    def render(self) -> UInt8:
        """Return the tiles side by side, each with its time and the id of the animal."""
        tiles = [self._add_caption(frame, self._tiles.get(frame)) for frame in self.frames]
        gap = np.full((tiles[0].shape[0], _GAP_PX, 3), 255, np.uint8)
        return np.hstack([part for tile in tiles for part in (tile, gap)][:-1])

    def _compute_field_px(self) -> float:
        boxes = self._scored.truth.boxes[[self.switch.truth_row, self.switch.last_truth_row]]
        return float(max(_MIN_FIELD_PX, _FIELD_OF_VIEW * (boxes[:, 2:] - boxes[:, :2]).max()))

    def _find_centre(self, frame: int) -> Float64:
        """Return the centre of the animal, interpolated where the ground truth has a gap."""
        truth = self._scored.truth
        centres = compute_centres(truth.boxes[self._truth_rows])
        return np.array(
            [np.interp(frame, truth.frames[self._truth_rows], axis) for axis in centres.T]
        )

    def _add_caption(self, frame: int, tile: UInt8 | None) -> UInt8:
        image = np.full((_TILE_PX, _TILE_PX, 3), 225, np.uint8) if tile is None else tile
        is_switch = frame == self.switch.frame
        if is_switch:
            cv2.rectangle(image, (1, 1), (_TILE_PX - 2, _TILE_PX - 2), _ACCENT, 4)
        caption = np.full((_CAPTION_PX, _TILE_PX, 3), 255, np.uint8)
        fps = self._scored.pair.fps
        when = f"frame {frame + 1}" + (f"  {frame / fps:.2f} s" if fps else "")
        cv2.putText(caption, when, (2, 17), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
        cv2.putText(
            caption,
            self._describe_id(frame),
            (2, 37),
            _FONT,
            0.5,
            _ACCENT if is_switch else _INK,
            1,
            cv2.LINE_AA,
        )
        return np.vstack([image, caption])

    def _describe_id(self, frame: int) -> str:
        """Return the caption with the id of the animal in a frame."""
        scored = self._scored
        matched = scored.matching.truth_rows
        mine = (scored.truth.frames[matched] == frame) & (
            scored.truth.ids[matched] == self.switch.truth_id
        )
        if not mine.any():
            return "not found"
        name = int(scored.result.ids[scored.matching.result_rows[mine]][0])
        return f"switched to id {name}" if frame == self.switch.frame else f"id {name}"


def fill_filmstrips(
    strips: Sequence[Filmstrip], frames: Iterable[tuple[int, UInt8]]
) -> Iterator[Filmstrip]:
    """Add frames, which come in order, to the filmstrips; yield each one when it is complete."""
    waiting = list(strips)
    for frame, image in frames:
        for strip in waiting:
            if frame in strip.frames:
                strip.add(frame, image)
        done = [strip for strip in waiting if strip.frames[-1] <= frame]
        waiting = [strip for strip in waiting if strip.frames[-1] > frame]
        yield from done
    yield from waiting


def _rows_of(boxes: LabelledBoxes, frame: int) -> Int64:
    return np.flatnonzero(boxes.frames == frame)


def _crop(image: UInt8, corner: Float64, side: float) -> UInt8:
    """Return a square of an image, scaled to a tile; grey beyond the edges."""
    scale = _TILE_PX / side
    transform = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = cv2.warpAffine(
        image, transform, (_TILE_PX, _TILE_PX), flags=flags, borderValue=(128, 128, 128)
    )
    return np.asarray(tile, np.uint8)


def _write_id(tile: UInt8, box: Int64, track_id: int) -> None:
    left, top = box[0].tolist()
    text = str(track_id)
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.5, 1)
    if not (-width < left < _TILE_PX and -height < top < _TILE_PX):
        return
    x, y = min(max(left, 0), _TILE_PX - width - 4), max(top, height + 4)
    cv2.rectangle(tile, (x, y - height - 4), (x + width + 4, y + 1), choose_colour(track_id), -1)
    cv2.putText(tile, text, (x + 2, y - 2), _FONT, 0.5, _INK, 1, cv2.LINE_AA)


def _draw_dashes(tile: UInt8, box: Float64) -> None:
    """Draw the ground truth box as a white dashed line with a dark outline."""
    (left, top), (right, bottom) = box.tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x1, y1), (x2, y2) in pairwise(corners):
        n_dashes = max(1, round(max(abs(x2 - x1), abs(y2 - y1)) / _DASH_PX))
        for k in range(0, n_dashes, 2):
            start = (round(x1 + (x2 - x1) * k / n_dashes), round(y1 + (y2 - y1) * k / n_dashes))
            end = (
                round(x1 + (x2 - x1) * (k + 1) / n_dashes),
                round(y1 + (y2 - y1) * (k + 1) / n_dashes),
            )
            cv2.line(tile, start, end, _INK, 3, cv2.LINE_AA)
            cv2.line(tile, start, end, _PAPER, 1, cv2.LINE_AA)
