"""Write TIFF files of several pages in each of their variants, uncompressed."""

import struct
from pathlib import Path

import numpy as np

_KINDS = {"u": 1, "i": 2, "f": 3}


def write_tiff(
    path: Path,
    images: list[np.ndarray],
    *,
    order: str = "<",
    is_big: bool = False,
    rows_per_strip: int = 1000,
    description: str = "",
    is_contiguous: bool = False,
    subfile_types: list[int] | None = None,
) -> None:
    """Write images ``(h, w)`` or ``(h, w, 3)`` as pages.

    `is_contiguous` writes one directory for all, as ImageJ does; `subfile_types` is the field
    NewSubfileType of each page.
    """
    long_letter, head_letters, count_letter = ("Q", "HHQ", "Q") if is_big else ("I", "HHI", "H")
    inline = 8 if is_big else 4
    magic = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if is_big else 42)
    content = bytearray(magic)
    if is_big:
        content += struct.pack(f"{order}HH", 8, 0)
    link = len(content)  # where the position of the next directory goes
    content += bytes(inline)
    pages = images[:1] if is_contiguous else images
    for k, image in enumerate(pages):
        n_rows, n_columns = image.shape[:2]
        n_channels = image.shape[2] if image.ndim == 3 else 1
        stored = image.astype(image.dtype.newbyteorder(order))
        strips = [
            stored[row : row + rows_per_strip].tobytes() for row in range(0, n_rows, rows_per_strip)
        ]
        positions = []
        for strip in strips:
            positions.append(len(content))
            content += strip
        if is_contiguous:
            for other in images[1:]:
                content += other.astype(other.dtype.newbyteorder(order)).tobytes()
        fields = {
            254: (4, [0 if subfile_types is None else subfile_types[k]]),
            256: (4, [n_columns]),
            257: (4, [n_rows]),
            258: (3, [8 * image.dtype.itemsize] * n_channels),
            259: (3, [1]),
            262: (3, [2 if n_channels == 3 else 1]),
            270: (2, list(description.encode() + b"\0")),
            273: (16 if is_big else 4, positions),
            277: (3, [n_channels]),
            278: (4, [min(rows_per_strip, n_rows)]),
            279: (16 if is_big else 4, [len(strip) for strip in strips]),
            339: (3, [_KINDS[image.dtype.kind]] * n_channels),
        }
        entries = bytearray()
        for tag, (kind, values) in fields.items():
            letter = {2: "B", 3: "H", 4: "I", 16: "Q"}[kind]
            packed = struct.pack(f"{order}{len(values)}{letter}", *values)
            if len(packed) > inline:
                position = len(content)
                content += packed
                packed = struct.pack(f"{order}{long_letter}", position)
            entries += struct.pack(f"{order}{head_letters}", tag, kind, len(values))
            entries += packed.ljust(inline, b"\0")
        directory = len(content)
        content[link : link + inline] = struct.pack(f"{order}{long_letter}", directory)
        content += struct.pack(f"{order}{count_letter}", len(fields)) + entries
        link = len(content)
        content += bytes(inline)
    path.write_bytes(content)
