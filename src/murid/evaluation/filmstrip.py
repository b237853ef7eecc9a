"""Draw filmstrips of ID switches: an animal before, at and after the switch, with result boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from murid.core.boxes import compute_centres
from murid.core.types import Float64, Int64, UInt8
from murid.evaluation.evaluate import ScoredSequence
from murid.metrics import IdSwitch
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

# Colours in RGB: text, outlines of dashes, and the frame of the switch.
_INK = (34, 34, 34)
_PAPER = (255, 255, 255)
_ACCENT = (213, 94, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def choose_frames(switch: IdSwitch, n_frames: int, fps: float | None) -> list[int]:
    """Return the frames of a filmstrip, in order.

    These are three frames up to the last one with the old id, one in the middle of a gap, and three
    from the first one with the new id.
    """
    step = max(1, round(_STEP_S * (fps or _DEFAULT_FPS)))
    frames = [switch.last_frame - 2 * step, switch.last_frame - step, switch.last_frame]
    if switch.frame - switch.last_frame > 2:
        frames.append((switch.last_frame + switch.frame) // 2)
    frames += [switch.frame, switch.frame + step, switch.frame + 2 * step]
    return [frame for frame in frames if 0 <= frame < n_frames]


class Filmstrip:
    """Filmstrip of one ID switch, filled frame by frame.

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
        truth = self._scored.truth
        result = self._scored.result

        # Crop a square around the animal. Boxes become corners ``(2, 2)`` in pixels of the tile.
        side = self._compute_field_px()
        corner = self._find_centre(frame) - side / 2
        tile = _crop(image, corner, side)
        scale = _TILE_PX / side
        rows = np.flatnonzero(result.frames == frame)
        boxes = [
            ((result.boxes[row].reshape(2, 2) - corner) * scale).round().astype(int) for row in rows
        ]
        ids = result.ids[rows].tolist()

        # Draw result boxes, then the ground truth over them, then the ids.
        for box, track_id in zip(boxes, ids, strict=True):
            first, second = box.tolist()
            cv2.rectangle(tile, first, second, _INK, 4, cv2.LINE_AA)
            cv2.rectangle(tile, first, second, choose_colour(track_id), 2, cv2.LINE_AA)
        for row in self._truth_rows[truth.frames[self._truth_rows] == frame]:
            _draw_dashes(tile, (truth.boxes[row].reshape(2, 2) - corner) * scale)
        for box, track_id in zip(boxes, ids, strict=True):
            _draw_id(tile, box, track_id)
        self._tiles[frame] = tile

    def render(self) -> UInt8:
        """Return the tiles side by side, each with its time and the id of the animal."""
        tiles = [self._add_caption(frame, self._tiles.get(frame)) for frame in self.frames]
        gap = np.full((tiles[0].shape[0], _GAP_PX, 3), 255, np.uint8)
        return np.hstack([part for tile in tiles for part in (tile, gap)][:-1])

    def _compute_field_px(self) -> float:
        """Return the side in pixels of the image area in a tile."""
        rows = [self.switch.truth_row, self.switch.last_truth_row]
        boxes = self._scored.truth.boxes[rows]
        length = (boxes[:, 2:] - boxes[:, :2]).max()
        return float(max(_MIN_FIELD_PX, _FIELD_OF_VIEW * length))

    def _find_centre(self, frame: int) -> Float64:
        """Return the centre of the animal, interpolated where the ground truth has a gap."""
        truth = self._scored.truth
        centres = compute_centres(truth.boxes[self._truth_rows])
        return np.array(
            [np.interp(frame, truth.frames[self._truth_rows], axis) for axis in centres.T]
        )

    def _add_caption(self, frame: int, tile: UInt8 | None) -> UInt8:
        """Return a tile above its caption; a frame that could not be decoded is grey."""
        image = np.full((_TILE_PX, _TILE_PX, 3), 225, np.uint8) if tile is None else tile
        caption = np.full((_CAPTION_PX, _TILE_PX, 3), 255, np.uint8)
        colour = _INK
        if frame == self.switch.frame:
            colour = _ACCENT
            cv2.rectangle(image, (1, 1), (_TILE_PX - 2, _TILE_PX - 2), _ACCENT, 4)

        fps = self._scored.pair.fps
        time = f"  {frame / fps:.2f} s" if fps else ""
        title = f"frame {frame + 1}{time}"
        cv2.putText(caption, title, (2, 17), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
        label = self._describe_id(frame)
        cv2.putText(caption, label, (2, 37), _FONT, 0.5, colour, 1, cv2.LINE_AA)
        return np.vstack([image, caption])

    def _describe_id(self, frame: int) -> str:
        """Return the id of the animal in a frame, as text."""
        scored = self._scored
        matched = scored.matching.truth_rows
        in_frame = scored.truth.frames[matched] == frame
        is_animal = scored.truth.ids[matched] == self.switch.truth_id
        rows = scored.matching.result_rows[in_frame & is_animal]
        if not len(rows):
            return "not found"
        track_id = int(scored.result.ids[rows][0])
        if frame == self.switch.frame:
            return f"switched to id {track_id}"
        return f"id {track_id}"


def fill_filmstrips(
    strips: Sequence[Filmstrip], frames: Iterable[tuple[int, UInt8]]
) -> Iterator[Filmstrip]:
    """Add frames in ascending order to the filmstrips; yield each filmstrip once it is complete."""
    waiting = list(strips)
    for frame, image in frames:
        for strip in waiting:
            if frame in strip.frames:
                strip.add(frame, image)
        done = [strip for strip in waiting if strip.frames[-1] <= frame]
        waiting = [strip for strip in waiting if strip.frames[-1] > frame]
        yield from done
    yield from waiting


def _crop(image: UInt8, corner: Float64, side: float) -> UInt8:
    """Return a square of an image, scaled to a tile; grey beyond the edges."""
    scale = _TILE_PX / side
    transform = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = cv2.warpAffine(
        image, transform, (_TILE_PX, _TILE_PX), flags=flags, borderValue=(128, 128, 128)
    )
    return np.asarray(tile, np.uint8)


def _draw_id(tile: UInt8, box: Int64, track_id: int) -> None:
    """Draw an id at the upper left corner of its box, inside the tile."""
    left, top = box[0].tolist()
    text = str(track_id)
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.5, 1)
    if not (-width < left < _TILE_PX and -height < top < _TILE_PX):
        return
    x = min(max(left, 0), _TILE_PX - width - 4)
    y = max(top, height + 4)
    cv2.rectangle(tile, (x, y - height - 4), (x + width + 4, y + 1), choose_colour(track_id), -1)
    cv2.putText(tile, text, (x + 2, y - 2), _FONT, 0.5, _INK, 1, cv2.LINE_AA)


def _draw_dashes(tile: UInt8, box: Float64) -> None:
    """Draw the ground truth box as a white dashed line with a dark outline."""
    (left, top), (right, bottom) = box.tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x1, y1), (x2, y2) in pairwise(corners):
        n_dashes = max(1, round(max(abs(x2 - x1), abs(y2 - y1)) / _DASH_PX))
        xs = [round(x1 + (x2 - x1) * k / n_dashes) for k in range(n_dashes + 1)]
        ys = [round(y1 + (y2 - y1) * k / n_dashes) for k in range(n_dashes + 1)]
        for k in range(0, n_dashes, 2):
            start = (xs[k], ys[k])
            end = (xs[k + 1], ys[k + 1])
            cv2.line(tile, start, end, _INK, 3, cv2.LINE_AA)
            cv2.line(tile, start, end, _PAPER, 1, cv2.LINE_AA)
