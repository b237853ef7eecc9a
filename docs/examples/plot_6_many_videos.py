"""
Many videos
===========

One after the other; a broken one does not stop the rest. On the command line: ``murid track
'day*/*.mp4' --animals 2``."""

# %%
# A recording of two synthetic animals stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=2, n_frames=90, width=480, height=360, body_px=55, seed=5)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

(folder / "damaged.mp4").write_bytes(b"no video at all")

# %%
import murid
from murid.pipeline.batch import default_run_paths, find_sources, track_videos

sources = find_sources([str(folder / "*.mp4")])
runs = default_run_paths(sources, folder / "runs")
outcomes = list(
    track_videos(sources, runs, lambda source, out: murid.track(source, animals=2, out=out))
)
for outcome in outcomes:
    print(
        Path(outcome.source).name,
        "failed" if outcome.run is None else len(outcome.run.info()["tracks"]),
    )
