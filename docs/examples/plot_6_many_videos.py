"""
6. Many videos
==============

This example tracks all videos of a folder, one after the other. A video that cannot be
read does not stop the others.

On the command line: ``murid track 'day*/*.mp4' --animals 2 --out runs``.
"""

# %%
# Make a recording, and a file that is not a video
# ------------------------------------------------
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(
    n_animals=2, n_frames=90, width=480, height=360, body_px=55, seed=5
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
(folder / "damaged.mp4").write_bytes(b"not a video")

# %%
# Track them
# ----------
# ``find_sources`` expands the glob, and ``default_run_paths`` chooses a run directory
# for each video. ``track_videos`` calls a function for each of them.
import murid
from murid.pipeline.batch import default_run_paths, find_sources, track_videos


def track_one(source, out):
    """Track one video."""
    return murid.track(source, animals=2, out=out)


sources = find_sources([str(folder / "*.mp4")])
run_paths = default_run_paths(sources, folder / "runs")
for outcome in track_videos(sources, run_paths, track_one):
    name = Path(outcome.source).name
    if outcome.run is None:
        print(f"{name}: failed, {outcome.error}")
    else:
        print(f"{name}: {len(outcome.run.info()['tracks'])} animals")
