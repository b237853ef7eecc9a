"""Read the frames of an image sequence: a folder or a glob of images."""

from __future__ import annotations

import configparser
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core import Frame
from murid.core.types import Float64, Int64, UInt8
from murid.errors import SourceError
from murid.video.frame_numbers import FrameNumbers, number_images
from murid.video.image_file import decode_image, to_rgb_image
from murid.video.info import FramesFrom, UnreadableFrame, VideoInfo
from murid.video.intensity import N_SCALE_SAMPLES, IntensityScale, fit_intensity_scale
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile, read_bytes
from murid.video.sampling import spread_evenly
from murid.video.tiff_pages import TiffPage, TiffPages, find_pages, read_page, read_pixel_type

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})

# Images have no frame rate of their own; this is a common one of cameras.
_DEFAULT_FPS = 30.0


@dataclass(frozen=True, slots=True)
class _Image:
    """An image: a file, or a page of a TIFF file that has several."""

    file: Path
    page: TiffPage | None = None

    def describe(self) -> str:
        """Return the name of the file, with the page, for messages."""
        return (
            self.file.name if self.page is None else f"page {self.page.number} of {self.file.name}"
        )


class ImageSequenceSource:
    """Images of one size, in natural order of their names: ``f2.png`` before ``f10.png``.

    Images that are missing by the numbers in the names keep their frame numbers (see
    `number_images`). The pages of a TIFF file are frames of their own. Values of more than 8 bits
    are scaled by the bits in use, which are learnt from images spread over the sequence.

    Parameters
    ----------
    name : str
        The path or glob that the user gave, for messages.
    files : sequence of Path
        The image files, in any order.
    fps : float or None
        Frames per second; None assumes 30.
    read_timeout_s : float
        Seconds to wait for a stalled disk.
    left_out : sequence of Path
        Other images of the folder, which the user did not choose.

    Raises
    ------
    SourceError
        If there are no images, or none can be decoded; when they are read, if one is gone or of
        another size or numeric type, or the disk stalls.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[Path],
        fps: float | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        left_out: Sequence[Path] = (),
    ) -> None:
        if not files:
            raise SourceError(name, "images", describe_image_suffixes(), "none")
        self._files = sorted(files, key=natural_key)
        self._fps = fps or _DEFAULT_FPS
        self._timeout_s = read_timeout_s
        self.truncated: str | None = None
        self._images = [_Image(file) for file in self._files]
        self._numbers = number_images(self._files, left_out)
        self._find_pages()

        decoded = (image for k in self._images if (image := self._decode(k)) is not None)
        first = next(decoded, None)
        if first is None:
            got = f"none of {len(self._images)}{_describe_pixels(self._files[0], read_timeout_s)}"
            raise SourceError(name, "images", "at least one that can be decoded", got)
        self._dtype = first.dtype
        self._scale = IntensityScale()
        if first.dtype != np.uint8:
            rows = spread_evenly(len(self._images), N_SCALE_SAMPLES).tolist()
            self._scale = _fit_scale([first], (self._decode(self._images[row]) for row in rows))
        height, width = first.shape[:2]
        self.info = VideoInfo(
            name,
            width,
            height,
            self._fps,
            self._numbers.n_frames,
            self._files[0].suffix.lstrip("."),
            fps_is_assumed=fps is None,
            bit_depth=self._scale.bit_depth,
            first_image_frame=self._numbers.first,
        )

    @property
    def image_frames(self) -> Int64:
        """``(n_images,)`` int64: the frame number of each image that is there, ascending."""
        return self._numbers.frames

    @property
    def times_s(self) -> Float64:
        """``(F,)`` float64: the time of each frame in seconds, ascending."""
        return np.arange(self._numbers.n_frames) / self._fps

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on; raises `SourceError` for one of another size."""
        for index in range(start, self._numbers.n_frames):
            yield self._load(index)

    def open_for_display(self) -> FramesFrom:
        """Return a function that yields frames: `iterate`, since each image is decoded alone."""
        return self.iterate

    def read(self, numbers: Int64) -> Iterator[Frame]:
        """Yield the frames with some numbers, as far as they can be decoded."""
        for number in numbers.tolist():
            frame = self._load(number)
            if isinstance(frame, Frame):
                yield frame

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames, spread evenly over the images that are there."""
        for row in spread_evenly(len(self._images), n_frames).tolist():
            frame = self._load(int(self._numbers.frames[row]))
            if isinstance(frame, Frame):
                yield frame

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return the number and size of the files, and a SHA-256.

        The hash covers the names and sizes of all files, and the content of the first and last one;
        only their first and last MiB if they have several pages.
        """
        try:
            sizes = [file.stat().st_size for file in self._files]
            listing = [f"{file.name} {size}" for file, size in zip(self._files, sizes, strict=True)]
            digest = hashlib.sha256("\n".join(listing).encode())
            for file in (self._files[0], self._files[-1]):
                digest.update(self._read_identity(file))
        except OSError as error:
            got = error.strerror or str(error)
            raise SourceError(self.info.path, "images", "readable files", got) from error
        return {
            "size_bytes": sum(sizes),
            "n_frames": self._numbers.n_frames,
            "fps": self._fps,
            "sha256": digest.hexdigest(),
            "width": self.info.width,
            "height": self.info.height,
        }

    def _read_identity(self, file: Path) -> bytes:
        """Return the content of a file, or only both ends of one that has pages."""
        if self._images[0].page is None:
            return read_bytes(file, self._timeout_s)
        with closing(TimeoutFile(file, self._timeout_s)) as opened:
            return opened.read_both_ends()

    def _find_pages(self) -> None:
        """List the pages of TIFF files, if there is one with several; they are frames then."""
        found = {file: self._read_pages(file) for file in self._files if _is_tiff(file)}
        pages = {file: listed for file, listed in found.items() if listed is not None and listed}
        missing = []
        if any(len(listed) > 1 for listed in pages.values()):
            missing = [f"{name} is missing" for name in self._numbers.names]
            self._images = []
            for file in self._files:
                listed_pages = pages[file].pages if file in pages else [None]
                self._images += [_Image(file, page) for page in listed_pages]
            # The names number files here, not frames.
            self._numbers = FrameNumbers(np.arange(len(self._images)))
        for file, listed in pages.items():
            if listed.is_cut:
                noun = "page" if len(listed) == 1 else "pages"
                missing.append(f"{file.name} breaks off after {len(listed)} {noun}")
        self.truncated = "; ".join(missing) or None

    def _read_pages(self, file: Path) -> TiffPages | None:
        with closing(TimeoutFile(file, self._timeout_s)) as opened:
            return find_pages(opened.read_at, str(file))

    def _load(self, index: int) -> Frame | UnreadableFrame:
        time_s = index / self._fps
        row = int(np.searchsorted(self._numbers.frames, index))
        if self._numbers.frames[row] != index:
            name = self._numbers.names[index - row]
            return UnreadableFrame(index, time_s, f"there is no {name}")
        image = self._images[row]
        values = self._decode(image)
        if values is None:
            return UnreadableFrame(index, time_s, f"{image.describe()} cannot be decoded")
        height, width = values.shape[:2]
        if (height, width) != (self.info.height, self.info.width):
            expected = f"{self.info.width}x{self.info.height} like the first image"
            field = "size" if image.page is None else f"size of page {image.page.number}"
            raise SourceError(image.file, field, expected, f"{width}x{height}")
        if values.dtype != self._dtype:
            expected = f"{self._dtype} like the first image"
            raise SourceError(image.file, "numeric type", expected, f"{values.dtype}")
        return Frame(index, time_s, to_rgb_image(values, self._scale))

    def _decode(self, image: _Image) -> NDArray[Any] | None:
        """Return the pixels of an image in its own numeric type; None if it cannot be decoded."""
        if image.page is None:
            return decode_image(read_bytes(image.file, self._timeout_s))
        with closing(TimeoutFile(image.file, self._timeout_s)) as file:
            content = read_page(file.read_at, image.page)
        return None if content is None else decode_image(content)


def read_images(
    files: Sequence[Path], rows: Sequence[int], read_timeout_s: float = READ_TIMEOUT_S
) -> Iterator[UInt8]:
    """Yield some of many images ``(h, w, 3)`` uint8 RGB, which may differ in size.

    Values of more than 8 bits are scaled by the bits in use, as in `ImageSequenceSource`.

    Parameters
    ----------
    files : sequence of Path
        All images, from which the bits in use are learnt.
    rows : sequence of int
        Positions in `files` of those to read.
    read_timeout_s : float
        Seconds to wait for a stalled disk.

    Raises
    ------
    SourceError
        If an image cannot be read or decoded.
    """
    scales = {np.dtype(np.uint8): IntensityScale()}
    for row in rows:
        values = decode_image(read_bytes(files[row], read_timeout_s))
        if values is None:
            raise SourceError(files[row], "image", "one that can be decoded", "none")
        if values.dtype not in scales:
            sampled = (files[k] for k in spread_evenly(len(files), N_SCALE_SAMPLES).tolist())
            decoded = (decode_image(read_bytes(file, read_timeout_s)) for file in sampled)
            scales[values.dtype] = _fit_scale([values], decoded)
        yield to_rgb_image(values, scales[values.dtype])


def _fit_scale(
    known: Sequence[NDArray[Any]], decoded: Iterable[NDArray[Any] | None]
) -> IntensityScale:
    """Return the scale learnt from known images, and from others of the same numeric type."""
    dtype = known[0].dtype
    others = (values for values in decoded if values is not None and values.dtype == dtype)
    return fit_intensity_scale(chain(known, others))


def _is_tiff(file: Path) -> bool:
    return file.suffix.lower() in (".tif", ".tiff")


def _describe_pixels(file: Path, read_timeout_s: float) -> str:
    """Return in words the kind of pixels of a TIFF file, for messages; nothing for other files."""
    with closing(TimeoutFile(file, read_timeout_s)) as opened:
        pixel_type = read_pixel_type(opened.read_at)
    return "" if pixel_type is None else f"; the pixels are {pixel_type}"


def describe_image_suffixes() -> str:
    """Return in words which files are images, for messages."""
    return f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"


def is_image_file(file: Path) -> bool:
    """Whether a file has the suffix of an image and is not hidden.

    Hidden files such as the ``._`` companions that macOS writes are not images.
    """
    return file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")


def find_image_sequence(directory: Path) -> tuple[list[Path], float | None]:
    """Return the image files in a folder and their frame rate, None if it is unknown.

    The images may be in the subfolder ``img1``, and the frame rate in ``seqinfo.ini``, as in
    MOTChallenge.
    """
    for folder in (directory, directory / "img1"):
        files = (
            [file for file in folder.iterdir() if is_image_file(file)] if folder.is_dir() else []
        )
        if files:
            fps = _read_fps(directory / "seqinfo.ini") or _read_fps(folder.parent / "seqinfo.ini")
            return files, fps
    return [], None


def natural_key(file: Path) -> list[tuple[int, str]]:
    """Return a sort key by which numbers in file names count as numbers, and case is ignored."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", file.name)
    ]


def _read_fps(path: Path) -> float | None:
    """Return the frame rate in a MOTChallenge ``seqinfo.ini``; None if it has none."""
    if not path.is_file():
        return None
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        fps = parser.getfloat("Sequence", "frameRate", fallback=0.0)
    except (configparser.Error, ValueError, UnicodeDecodeError) as error:
        got = str(error).splitlines()[0]
        raise SourceError(path, "frameRate", "a number of frames per second", got) from error
    return fps if fps > 0 else None
