"""Find out whether ground truth labels every frame, or only some of them, as people do by hand.

A MOT file has no rows for a frame without animals, nor for a frame that nobody has labelled. The
two look alike, so the rule is careful: a dense ground truth whose animals are hidden for a while
has labels in long stretches of frames, however long it has none in between. Only where most
labelled frames stand alone, or come in short stretches of one length or far apart, were frames
picked. Where all labels lie in less than half of the recording, somebody has labelled that part.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from murid.core.types import Int64

# In fewer frames than this the animals may well be hidden, whatever the pattern.
_MIN_UNLABELLED = 5

# Stretches of one length are picked, not seen, if there are at least so many, and the frames
# between them are longer by this factor. An animal that hides and comes back at regular times would
# have to keep to both.
_MIN_STRETCHES = 3
_MIN_GAP_FACTOR = 3

# Stretches of different lengths are picked if every gap between them is longer than all of them by
# this factor: an animal that leaves its shelter for moments comes back soon at times.
_MIN_UNEQUAL_GAP_FACTOR = 10

# In a shorter video, a part says too little about how it was chosen.
_MIN_PART_OF = 10

# Below this share of labelled frames, ground truth that is read as dense deserves a note.
_MIN_DENSE_SHARE = 0.5


class Labelling(Enum):
    """Which frames have labels.

    Attributes
    ----------
    DENSE
        All of them; a frame without labels has no animals.
    SPARSE
        Some of them; the others are unknown.
    PART
        All from the first to the last labelled frame; those before and after are unknown.
    UNCLEAR
        Probably all, but most frames have no label.
    """

    DENSE = "dense"
    SPARSE = "sparse"
    PART = "part"
    UNCLEAR = "unclear"


def find_labelling(frames: Int64, n_frames: int) -> Labelling:
    """Return whether ground truth labels every frame or only some.

    Parameters
    ----------
    frames : ndarray
        ``(k,)`` int64 frames with labels, ascending, each once.
    n_frames : int
        Length of the video.

    Returns
    -------
    Labelling
        `DENSE` if fewer than five frames have no labels. `SPARSE` if there is one labelled frame,
        if more than half of the labelled frames are followed by a frame without labels, or
        if there are three stretches of labelled frames or more, far apart, and all of one length
        (the last may be cut) or very far apart. `PART` if the frames from the first to the last
        label are less than half of the video.
    """
    if not len(frames) or n_frames - len(frames) < _MIN_UNLABELLED:
        return Labelling.DENSE
    if len(frames) == 1:
        return Labelling.SPARSE
    is_gap = np.diff(frames) > 1
    if is_gap.mean() > 0.5:
        return Labelling.SPARSE
    ends = np.append(np.flatnonzero(is_gap), len(frames) - 1)
    lengths = np.diff(ends, prepend=-1)
    if len(lengths) >= _MIN_STRETCHES:
        are_equal = (lengths[:-1] == lengths[0]).all() and lengths[-1] <= lengths[0]
        n_between = np.diff(frames)[is_gap] - 1
        if are_equal and np.median(n_between) >= _MIN_GAP_FACTOR * lengths[0]:
            return Labelling.SPARSE
        if n_between.min() >= _MIN_UNEQUAL_GAP_FACTOR * lengths.max():
            return Labelling.SPARSE
    if n_frames >= _MIN_PART_OF and frames[-1] + 1 - frames[0] < _MIN_DENSE_SHARE * n_frames:
        return Labelling.PART
    if len(frames) < _MIN_DENSE_SHARE * n_frames and len(lengths) > 1:
        return Labelling.UNCLEAR
    return Labelling.DENSE
