"""
A first video
=============

From a video to trajectories, in three lines; then a look at them.
"""

# %%
# A recording of three synthetic animals stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=3, n_frames=300, width=480, height=360, body_px=55, seed=4)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

# %%
# Tracking. ``animals`` is an upper bound; leave it out if animals come and go.
import murid

run = murid.track(video, animals=3)
run.info()["tracks"]

# %%
# Trajectories are arrays over time, space and individual, in pixels; missing frames are NaN.
trajectories = run.trajectories()
trajectories.position.shape

# %%
# Where they went, over the first frame.
import matplotlib.pyplot as plt

from murid.video import open_source

first = next(iter(open_source(video).iterate())).image
plt.imshow(first)
for k, name in enumerate(trajectories.individuals):
    plt.plot(*trajectories.position[:, :, k].T, label=f"animal {name}")
plt.legend()
plt.axis("off")
plt.show()

# %%
# Every row says how certain its name is, and whether it was filled in.
import numpy as np

{
    name: float(np.nanmin(trajectories.identity_probability[:, k]).round(3))
    for k, name in enumerate(trajectories.individuals)
}
