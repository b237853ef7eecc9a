"""Index of a video file's packets: exact frame numbers and times without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from murid.core.types import Float64, Int64
from murid.video.decode import is_mpeg4, is_packed


@dataclass(frozen=True, eq=False, slots=True)
class PacketIndex:
    """Presentation times of all frames of a file.

    Attributes
    ----------
    pts : ndarray
        ``(n_frames,)`` int64, strictly increasing: presentation times in units of the time base.
    keyframes : ndarray
        int64 numbers of the frames at which decoding can start, ascending.
    times_s : ndarray
        ``(n_frames,)`` float64 seconds from the first frame.
    n_hidden : int
        Packets that are not shown: empty ones, and those that an edit list leaves out.
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
        """Return the number of the frame with a presentation time; None if there is none."""
        number = len(self) if pts is None else int(np.searchsorted(self.pts, pts))
        return number if number < len(self) and self.pts[number] == pts else None


def read_packet_index(container: Any, stream: Any) -> PacketIndex | None:
    """Read all packets of a stream, without decoding them.

    Parameters
    ----------
    container, stream
        An opened `av` container, at its start, and its video stream.

    Returns
    -------
    PacketIndex or None
        None if the presentation times do not identify every frame. AVI with B-frames only counts
        packets in storage order; such times would put frames in the wrong order. Packets that hold
        two frames have one time for both.
    """
    pts: list[int] = []
    is_keyframe: list[bool] = []
    n_hidden = 0
    damage = None
    may_be_packed = is_mpeg4(stream)
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
        if packet.pts is None or (may_be_packed and is_packed(packet)):
            return None
        pts.append(packet.pts)
        is_keyframe.append(packet.is_keyframe)

    order = np.argsort(np.array(pts, np.int64), kind="stable")
    ordered_pts = np.array(pts, np.int64)[order]
    # B-frames are stored out of presentation order. Times in storage order are then mere counts.
    counts_packets = (
        len(pts) > 2 and stream.codec_context.has_b_frames and (np.diff(order) == 1).all()
    )
    if (np.diff(ordered_pts) == 0).any() or counts_packets:
        return None
    start = ordered_pts[0] if len(ordered_pts) else 0
    times_s = (ordered_pts - start) * float(stream.time_base)
    keyframes = np.flatnonzero(np.array(is_keyframe, bool)[order])
    return PacketIndex(ordered_pts, keyframes, times_s, n_hidden, damage)
