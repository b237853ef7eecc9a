"""Find the pages of a TIFF file and read one at a time, however long the file is."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Any

from murid.errors import SourceError

# Reads some bytes from a position in a file; fewer at its end.
ReadAt = Callable[[int, int], bytes]

# The first four bytes of TIFF and BigTIFF in both byte orders, and how `struct` names the order.
_MAGIC_NUMBERS = {
    b"II*\x00": ("<", False),
    b"MM\x00*": (">", False),
    b"II+\x00": ("<", True),
    b"MM\x00+": (">", True),
}

# Bytes per value of each type of field, and the types that are unsigned integers.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_LONG = 4

# The directory of a page has about 20 fields, which this holds.
_DIRECTORY_BYTES = 1024

# Reduced images and masks among the pages are no frames (bits of the field NewSubfileType).
_REDUCED_OR_MASK = 0b101

_UNCOMPRESSED = 1

# Values of the fields SampleFormat and PlanarConfiguration.
_REAL_NUMBERS = 3
_SEPARATE = 2


class Tag(IntEnum):
    """Fields of a page that are used here, by the names of the TIFF 6.0 specification."""

    NewSubfileType = 254
    ImageWidth = 256
    ImageLength = 257
    BitsPerSample = 258
    Compression = 259
    ImageDescription = 270
    StripOffsets = 273
    SamplesPerPixel = 277
    StripByteCounts = 279
    PlanarConfiguration = 284
    TileOffsets = 324
    TileByteCounts = 325
    SampleFormat = 339


# What a decoder needs to know of a page, by number, apart from where its data are.
_KEPT = frozenset(
    {256, 257, 258, 259, 262, 266, 274, 277, 278, 284, 292, 317, 320, 322, 323, 338, 339, 347}
    | {530, 531, 532}
)


@dataclass(frozen=True, slots=True)
class TiffPage:
    """A page of a TIFF file.

    Attributes
    ----------
    number : int
        Its number among the frames of the file, from 1.
    directory : int
        Position of its directory in the file.
    shift : int
        Bytes from the data that the directory names to the data of this page. ImageJ writes one
        directory for many pages that follow each other.
    """

    number: int
    directory: int
    shift: int = 0


@dataclass(frozen=True, slots=True)
class TiffPages:
    """The pages of a TIFF file that are frames.

    Attributes
    ----------
    pages : sequence of TiffPage
    is_cut : bool
        Whether the list of pages breaks off.
    """

    pages: Sequence[TiffPage]
    is_cut: bool

    def __len__(self) -> int:
        return len(self.pages)


@dataclass(frozen=True, slots=True)
class PixelType:
    """What the pixels of a page are.

    Attributes
    ----------
    bits : int
        Bits per channel.
    are_real : bool
        Whether they are real numbers.
    are_planes : bool
        Whether the channels are stored one after the other.
    """

    bits: int
    are_real: bool
    are_planes: bool

    def __str__(self) -> str:
        number = "real" if self.are_real else "whole"
        return f"{number} numbers of {self.bits} bits{' in planes' if self.are_planes else ''}"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a page: the number of its type, the number of its values, and their bytes."""

    kind: int
    count: int
    content: bytes


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order and version of a TIFF file."""

    order: str
    is_big: bool

    def unpack(self, letters: str, content: bytes, start: int = 0) -> tuple[Any, ...]:
        return struct.unpack_from(self.order + letters, content, start)

    def read_integers(self, field: _Field) -> tuple[int, ...]:
        letter = _INTEGERS.get(field.kind)
        if letter is None:
            raise ValueError(f"type {field.kind} is no integer")
        return self.unpack(f"{field.count}{letter}", field.content)


def find_pages(read_at: ReadAt, path: str) -> TiffPages | None:
    """Return the pages of a TIFF file that are frames; None if it is not a TIFF file.

    Raises
    ------
    SourceError
        If the pages are channels or depths as well as times.
    """
    layout = _read_layout(read_at)
    if layout is None:
        return None
    pages: list[TiffPage] = []
    description = ""
    is_cut = False
    try:
        for position, fields in _iterate_directories(read_at, layout):
            if Tag.ImageWidth not in fields:
                raise ValueError("no page")
            if not pages:
                description = _read_description(fields)
            kind = fields.get(Tag.NewSubfileType)
            if kind is None or not layout.read_integers(kind)[0] & _REDUCED_OR_MASK:
                pages.append(TiffPage(len(pages) + 1, position))
    except (struct.error, ValueError):
        is_cut = True
    if len(pages) == 1:
        pages = _find_contiguous_pages(read_at, layout, pages[0], description)
    _check_dimensions(description, len(pages), path)
    return TiffPages(pages, is_cut)


def read_page(read_at: ReadAt, page: TiffPage) -> bytes | None:
    """Return a page as a TIFF file of its own; None if it is damaged."""
    layout = _read_layout(read_at)
    if layout is None:
        return None
    try:
        fields, _ = _read_directory(read_at, layout, page.directory)
        return _extract_page(read_at, layout, page, fields)
    except (struct.error, ValueError, KeyError):
        return None


def read_pixel_type(read_at: ReadAt) -> PixelType | None:
    """Return what the pixels of the first page of a TIFF file are; None for other files."""
    layout = _read_layout(read_at)
    if layout is None:
        return None
    try:
        _, fields = next(_iterate_directories(read_at, layout))
        bits = layout.read_integers(fields[Tag.BitsPerSample])[0]
        formats = _read_optional(layout, fields, Tag.SampleFormat)
        planes = _read_optional(layout, fields, Tag.PlanarConfiguration)
        n_channels = _read_optional(layout, fields, Tag.SamplesPerPixel)
    except (struct.error, ValueError, KeyError, StopIteration):
        return None
    return PixelType(bits, formats == _REAL_NUMBERS, planes == _SEPARATE and n_channels > 1)


def _read_optional(layout: _Layout, fields: dict[int, _Field], tag: Tag) -> int:
    """Return the first value of a field that is 1 if it is left out."""
    return layout.read_integers(fields[tag])[0] if tag in fields else 1


def make_reader(content: bytes) -> ReadAt:
    """Return a function that reads from bytes as from a file."""
    return lambda position, n_bytes: content[position : position + n_bytes]


def _read_layout(read_at: ReadAt) -> _Layout | None:
    found = _MAGIC_NUMBERS.get(read_at(0, 4))
    return None if found is None else _Layout(*found)


def _iterate_directories(
    read_at: ReadAt, layout: _Layout
) -> Iterator[tuple[int, dict[int, _Field]]]:
    """Yield the position and the fields of the directory of each page."""
    if layout.is_big:
        (position,) = layout.unpack("Q", read_at(8, 8))
    else:
        (position,) = layout.unpack("I", read_at(4, 4))
    seen = set()
    while position:
        if position in seen:
            raise ValueError("the list of pages is a ring")
        seen.add(position)
        fields, following = _read_directory(read_at, layout, position)
        yield position, fields
        position = following


def _read_directory(
    read_at: ReadAt, layout: _Layout, position: int
) -> tuple[dict[int, _Field], int]:
    """Return the fields of a page, and the position of the directory of the next one."""
    count_letter, entry_letters, n_inline = ("Q", "HHQ", 8) if layout.is_big else ("H", "HHI", 4)
    content = read_at(position, _DIRECTORY_BYTES)
    (n_fields,) = layout.unpack(count_letter, content)
    header_bytes = struct.calcsize(f"={count_letter}")
    entry_bytes = struct.calcsize(f"={entry_letters}") + n_inline
    n_bytes = header_bytes + n_fields * entry_bytes + n_inline
    if n_bytes > len(content):
        content = read_at(position, n_bytes)
    fields = {}
    for k in range(n_fields):
        start = header_bytes + k * entry_bytes
        tag, kind, count = layout.unpack(entry_letters, content, start)
        size = count * _TYPE_BYTES.get(kind, 1)
        value_start = start + entry_bytes - n_inline
        value = content[value_start : value_start + n_inline]
        if size > n_inline and (tag in _KEPT or tag in set(Tag)):
            (value_position,) = layout.unpack("Q" if layout.is_big else "I", value)
            value = read_at(value_position, size)
            if len(value) < size:
                raise ValueError(f"field {tag} is cut off")
        fields[tag] = _Field(kind, count, value[:size])
    (following,) = layout.unpack("Q" if layout.is_big else "I", content, n_bytes - n_inline)
    return fields, following


def _read_description(fields: dict[int, _Field]) -> str:
    field = fields.get(Tag.ImageDescription)
    return "" if field is None else field.content.decode("utf-8", "replace")


def _find_contiguous_pages(
    read_at: ReadAt, layout: _Layout, page: TiffPage, description: str
) -> list[TiffPage]:
    """Return the pages of a stack of ImageJ that has one directory for all."""
    n_pages = _read_imagej_number(description, "images")
    if n_pages < 2:
        return [page]
    fields, _ = _read_directory(read_at, layout, page.directory)
    compression = fields.get(Tag.Compression)
    if compression is not None and layout.read_integers(compression)[0] != _UNCOMPRESSED:
        return [page]
    offset = layout.read_integers(fields[Tag.StripOffsets])[0]
    n_bytes = sum(layout.read_integers(fields[Tag.StripByteCounts]))
    last = offset + n_pages * n_bytes - 1
    if not read_at(last, 1):
        return [page]
    return [TiffPage(k + 1, page.directory, k * n_bytes) for k in range(n_pages)]


def _read_imagej_number(description: str, name: str) -> int:
    """Return a number in the description that ImageJ writes; 1 if it is not there."""
    if not description.startswith("ImageJ="):
        return 1
    found = re.search(rf"^{name}=(\d+)", description, re.MULTILINE)
    return int(found[1]) if found else 1


def _check_dimensions(description: str, n_pages: int, path: str) -> None:
    """Refuse pages that are channels or depths as well as times.

    One of them alone is taken as time, since programs that know only of pages write any of them.
    """
    if n_pages < 2:
        return
    names = ("channels", "slices", "frames")
    sizes = [_read_imagej_number(description, name) for name in names]
    if "<OME" in description:
        found = [re.search(rf'Size{axis}="(\d+)"', description) for axis in "CZT"]
        sizes = [int(match[1]) if match else 1 for match in found]
        # Colours are channels too, but in one page.
        if sizes[1] * sizes[2] == n_pages:
            sizes[0] = 1
    if sum(size > 1 for size in sizes) > 1:
        got = ", ".join(f"{size} {name}" for size, name in zip(sizes, names, strict=True))
        raise SourceError(path, "pages", "one page for each time", got)


def _extract_page(
    read_at: ReadAt, layout: _Layout, page: TiffPage, fields: dict[int, _Field]
) -> bytes:
    """Return a TIFF file with one page: a header, the directory, long values and the data."""
    if Tag.TileOffsets in fields:
        offsets_tag = Tag.TileOffsets
        counts_tag = Tag.TileByteCounts
    else:
        offsets_tag = Tag.StripOffsets
        counts_tag = Tag.StripByteCounts
    starts = [page.shift + start for start in layout.read_integers(fields[offsets_tag])]
    sizes = layout.read_integers(fields[counts_tag])
    if len(starts) != len(sizes):
        raise ValueError("the data have not as many sizes as positions")
    data = _read_runs(read_at, starts, sizes)

    kept = {tag: field for tag, field in fields.items() if tag in _KEPT}
    n_entries = len(kept) + 2
    n_directory = 8 + 2 + 12 * n_entries + 4
    n_long = sum(len(field.content) for field in kept.values() if len(field.content) > 4)
    n_lists = 4 * len(starts) if len(starts) > 1 else 0
    data_start = n_directory + n_long + 2 * n_lists
    positions = list(accumulate(sizes[:-1], initial=data_start))
    for list_tag, numbers in ((offsets_tag, positions), (counts_tag, sizes)):
        packed = struct.pack(f"{layout.order}{len(numbers)}I", *numbers)
        kept[list_tag] = _Field(_LONG, len(numbers), packed)

    entries = []
    values = b""
    for tag in sorted(kept):
        field = kept[tag]
        if field.kind == 16:  # 64 bits are unknown outside BigTIFF
            packed = struct.pack(f"{layout.order}{field.count}I", *layout.read_integers(field))
            field = _Field(_LONG, field.count, packed)
        value = field.content
        if len(value) > 4:
            value = struct.pack(f"{layout.order}I", n_directory + len(values))
            values += field.content
        head = struct.pack(f"{layout.order}HHI", tag, field.kind, field.count)
        entries.append(head + value.ljust(4, b"\0"))
    magic = b"II*\0" if layout.order == "<" else b"MM\0*"
    header = magic + struct.pack(f"{layout.order}IH", 8, n_entries)
    directory = header + b"".join(entries) + bytes(4)
    padding = bytes(data_start - len(directory) - len(values))
    return directory + values + padding + data


def _read_runs(read_at: ReadAt, starts: Sequence[int], sizes: Sequence[int]) -> bytes:
    """Return the data of strips or tiles; those that follow each other are read at once."""
    parts = []
    first = 0
    for k in range(1, len(starts) + 1):
        if k < len(starts) and starts[k] == starts[k - 1] + sizes[k - 1]:
            continue
        n_bytes = sum(sizes[first:k])
        part = read_at(starts[first], n_bytes)
        if len(part) < n_bytes:
            raise ValueError("the data are cut off")
        parts.append(part)
        first = k
    return b"".join(parts)
