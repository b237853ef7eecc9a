"""Runs of hours with a video, made from arrays: a short clip that is repeated."""

from pathlib import Path

import av
import numpy as np

from murid.core.types import DetectionTable, Tracks
from murid.store import RunDirectory
from murid.store.frame_table import FrameTable
from murid.video import open_source

WIDTH = 160
HEIGHT = 120
FPS = 30
N_ANIMALS = 5
CLIP_FRAMES = 600
PART_FRAMES = 2048

# Animals 2 and 3 are in doubt in every fourth hour from this one on.
FIRST_DOUBTFUL_HOUR = 1


def get_centres(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y ``(n_frames, n_animals)``: each animal on a circle of its own speed."""
    animals = np.arange(N_ANIMALS)
    angle = 2 * np.pi * frames[:, None] / CLIP_FRAMES * (animals + 1) + 1.3 * animals
    x = WIDTH / 2 + (WIDTH / 2 - 15) * np.cos(angle)
    y = HEIGHT / 2 + (HEIGHT / 2 - 12) * np.sin(angle + animals)
    return x, y


def write_video(path: Path, n_repetitions: int) -> None:
    """Encode the clip once, and write its packets many times."""
    clip = path.with_name("clip.mp4")
    frames = np.arange(CLIP_FRAMES)
    x, y = get_centres(frames)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = WIDTH
        stream.height = HEIGHT
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 150
        stream.options = {"preset": "ultrafast", "crf": "32", "bf": "0"}
        for t in frames.tolist():
            image = np.full((HEIGHT, WIDTH, 3), 190, np.uint8)
            for animal in range(N_ANIMALS):
                left = int(x[t, animal]) - 9
                top = int(y[t, animal]) - 5
                image[top : top + 10, left : left + 18] = 30 * animal
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(clip)) as container, av.open(str(path), "w") as repeated:
        original = container.streams.video[0]
        stream = repeated.add_stream_from_template(original)
        packets = [packet for packet in container.demux(original) if packet.size]
        contents = [(bytes(packet), packet.pts, packet.is_keyframe) for packet in packets]
        ticks = round(CLIP_FRAMES / FPS / original.time_base)
        for k in range(n_repetitions):
            for content, pts, is_keyframe in contents:
                packet = av.Packet(content)
                packet.stream = stream
                packet.time_base = original.time_base
                packet.pts = packet.dts = pts + k * ticks
                packet.is_keyframe = is_keyframe
                repeated.mux(packet)


def make_long_run(folder: Path, hours: float, crossings_per_hour: int = 60) -> Path:
    """Write a video of hours and its run."""
    video = folder / "long.mp4"
    write_video(video, round(hours * 3600 * FPS / CLIP_FRAMES))
    source = open_source(video)
    with RunDirectory.create(
        folder / "long.murid",
        source=video,
        fingerprint=source.compute_fingerprint(),
        config={"detection": {}, "tracking": {"max_tracks": N_ANIMALS}},
        detector="test",
        part_frames=PART_FRAMES,
        video=source.info.describe(),
    ) as run:
        _write_detections(run, source.times_s)
        run.tracks.start({"max_tracks": N_ANIMALS})
        for first, table in run.detections.iterate(embeddings=False):
            run.tracks.write(first, Tracks(table, _number(table.n_frames)))
        run.tracks.finish()
        _write_identities(run, round(hours * crossings_per_hour))
    return folder / "long.murid"


def _write_detections(run: RunDirectory, times_s: np.ndarray) -> None:
    half = np.array([9, 5])
    for first in range(0, len(times_s), PART_FRAMES):
        part_times_s = times_s[first : first + PART_FRAMES]
        centres = np.stack(get_centres(first + np.arange(len(part_times_s))), -1)
        boxes = np.concatenate([centres - half, centres + half], -1).reshape(-1, 4)
        offsets = N_ANIMALS * np.arange(len(part_times_s) + 1)
        scores = np.full(len(boxes), 0.9, np.float32)
        table = DetectionTable(boxes.astype(np.float32), scores, None, offsets)
        run.detections.write_part(FrameTable(first, part_times_s), table)
    run.detections.finish()


def _write_identities(run: RunDirectory, n_crossings: int) -> None:
    run.identities.start({"animals": N_ANIMALS})
    for first, table in run.detections.iterate(embeddings=False):
        identities = _number(table.n_frames)
        hour = first // (3600 * FPS)
        is_doubtful = hour % 4 == FIRST_DOUBTFUL_HOUR
        in_doubt = is_doubtful & np.isin(identities, (2, 3))
        probabilities = np.where(in_doubt, 0.6, 0.99).astype(np.float32)
        is_interpolated = np.zeros(len(identities), np.bool_)
        tracks = Tracks(table, identities, is_interpolated, probabilities, is_interpolated)
        run.identities.write(first, (identities - 1).astype(np.int64), tracks)
    rng = np.random.default_rng(0)
    first_frames = np.sort(rng.choice(run.n_frames - 200, n_crossings, replace=False)) + 100
    one = rng.integers(1, N_ANIMALS, n_crossings)
    run.identities.finish(
        {
            "first_frame": first_frames,
            "last_frame": first_frames + 20,
            "identity_a": one,
            "identity_b": one + 1,
            "swap_probability": rng.uniform(0.01, 0.5, n_crossings).astype(np.float32),
        }
    )


def _number(n_frames: int) -> np.ndarray:
    return np.tile(np.arange(1, N_ANIMALS + 1), n_frames)
