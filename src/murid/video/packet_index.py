"""Index of a video file's packets: exact frame numbers and times without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from murid.core.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class PacketIndex:
    """Presentation times of all frames of a file.

    Attributes
    ----------
    pts : ndarray
        ``(F,)`` int64, strictly increasing: the k-th frame's presentation time in units of the time
        base.
    keyframes : ndarray
        int64 indices of the frames at which decoding may begin, ascending.
    times_s : ndarray
        ``(F,)`` float64 seconds from the first frame.
    n_hidden : int
        Packets that are there and not shown: empty ones, and those that an edit list leaves out.
    damage : str or None
        Why reading stopped before the end of the file, or None.
    """

    pts: Int64
    keyframes: Int64
    times_s: Float64
    n_hidden: int
    damage: str | None

    def __len__(self) -> int:
        return len(self.pts)

    def find(self, pts: int | None) -> int | None:
        """Number of the frame shown at a time; None if there is none."""
        number = len(self) if pts is None else int(np.searchsorted(self.pts, pts))
        return number if number < len(self) and self.pts[number] == pts else None


def read_packet_index(container: Any, stream: Any) -> PacketIndex | None:
    """Read all packets of a stream; None where their presentation times do not name every frame once.

    AVI with B-frames only counts packets in storage order; such times would put frames in the wrong
    order.

    Parameters
    ----------
    container, stream
        An opened `av` container, at its beginning, and its video stream.
    """
    pts: list[int] = []
    keys: list[bool] = []
    damage, n_hidden = None, 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError as error:
            damage = error.strerror or str(error)
            break
        if packet.size == 0 or packet.is_discard:
            n_hidden += int(packet.dts is not None)
            continue
        if packet.pts is None:
            return None
        pts.append(packet.pts)
        keys.append(packet.is_keyframe)
    order = np.argsort(np.array(pts, np.int64), kind="stable")
    ordered = np.array(pts, np.int64)[order]
    counts_packets = (
        len(pts) > 2 and stream.codec_context.has_b_frames and (np.diff(order) == 1).all()
    )
    if (np.diff(ordered) == 0).any() or counts_packets:
        return None
    times_s = (ordered - (ordered[0] if len(ordered) else 0)) * float(stream.time_base)
    return PacketIndex(
        ordered, np.flatnonzero(np.array(keys, bool)[order]), times_s, n_hidden, damage
    )
