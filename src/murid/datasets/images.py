"""Decode images of labelled data, from image files, a video, or a file that contains them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from murid.core import Frame
from murid.core.types import UInt8
from murid.datasets.embedded_images import iterate_embedded_images
from murid.datasets.labels import LabelledSequence
from murid.errors import SourceError
from murid.video import open_source
from murid.video.image_sequence import read_images

# A gap of more frames than this is skipped by seeking, which decodes from the last key frame.
_MAX_DECODED_GAP = 64


def iterate_images(sequence: LabelledSequence, rows: Sequence[int]) -> Iterator[UInt8]:
    """Yield images ``(h, w, 3)`` RGB of some frames of a sequence, by ascending position in it.

    Raises
    ------
    SourceError
        If an image cannot be opened or decoded.
    """
    if sequence.image_paths:
        yield from read_images(sequence.image_paths, rows)
    elif sequence.video is not None and sequence.video_dataset:
        frames = [int(sequence.frames[row]) for row in rows]
        yield from iterate_embedded_images(sequence.video, sequence.video_dataset, frames)
    elif sequence.video is not None:
        wanted = [int(sequence.frames[row]) for row in rows]
        for frame in iterate_frames(str(sequence.video), wanted):
            yield frame.image


def iterate_frames(path: str, wanted: Sequence[int], *, skip_bad: bool = False) -> Iterator[Frame]:
    """Yield some frames of a video or a folder of images, by ascending index.

    Parameters
    ----------
    path : str
    wanted : sequence of int
        Indices from 0, ascending.
    skip_bad : bool
        Whether to leave out frames that cannot be decoded.

    Raises
    ------
    SourceError
        If the source cannot be opened, or a frame cannot be decoded and `skip_bad` is False.
    """
    source = open_source(path)
    position = 0
    frames = source.iterate()
    for index in wanted:
        if index - position > _MAX_DECODED_GAP:
            frames = source.iterate(index)
        frame = next((frame for frame in frames if frame.index >= index), None)
        position = index
        if isinstance(frame, Frame) and frame.index == index:
            yield frame
        elif not skip_bad:
            raise SourceError(path, f"frame {index}", "a frame that can be decoded", "none")
