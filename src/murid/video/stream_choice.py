"""Choose the video stream of a file as the program ``ffmpeg`` does."""

from __future__ import annotations

from typing import Any

# The score of a stream is its number of pixels and this if it is marked as the default, as in
# FFmpeg 7 and later (`map_auto_video`). So the default stream is beaten only by one that has over
# five megapixels more.
_DEFAULT_SCORE = 5_000_000

# Cover pictures come last.
_COVER_SCORE = 1


def rank_streams(streams: Any) -> list[Any]:
    """Return video streams of a file, the one that FFmpeg chooses first.

    A file can also hold a thumbnail, a cover picture, or a small copy for editing.
    """
    return sorted(streams, key=_compute_score, reverse=True)


def _compute_score(stream: Any) -> int:
    disposition = type(stream.disposition)
    if stream.disposition & disposition.attached_pic:
        return _COVER_SCORE
    context = stream.codec_context
    n_pixels = 0 if context is None else context.width * context.height
    is_default = bool(stream.disposition & disposition.default)
    return n_pixels + _DEFAULT_SCORE * is_default
