from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from numbered_images import make_numbered_image


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    def make(
        name: str = "clip.mp4",
        n_frames: int = 40,
        times_ms: Sequence[int] | None = None,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        faststart: bool = True,
        gop: int = 12,
        options: dict[str, str] | None = None,
        pixel_aspect: Fraction | None = None,
    ) -> Path:
        path = tmp_path / name
        is_mov = name.endswith((".mp4", ".mov"))
        flags = {"movflags": "faststart"} if faststart and is_mov else {}
        with av.open(str(path), "w", options=flags) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, pix_fmt, gop
            unit = Fraction(1, 25) if name.endswith(".avi") else Fraction(1, 1000)
            stream.time_base = stream.codec_context.time_base = unit
            if codec == "libx264":
                stream.options = {"bf": "3", "crf": "10", "sc_threshold": "0"}
            if options:
                stream.options = options
            if pixel_aspect is not None:
                stream.codec_context.sample_aspect_ratio = pixel_aspect
            for k in range(n_frames):
                frame = av.VideoFrame.from_ndarray(make_numbered_image(k), format="rgb24").reformat(
                    format=pix_fmt
                )
                frame.time_base = unit
                frame.pts = round(k / 25 / unit) if times_ms is None else times_ms[k]
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
