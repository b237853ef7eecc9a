"""
1. From a first video to a figure
=================================

This tutorial tracks a video, looks at the result, and draws where the animals went.

On the command line, the same is ``murid track cage.mp4 --animals 3``, ``murid info
cage.murid``, ``murid export cage.murid --out cage.csv`` and ``murid plot cage.murid``.
"""

# %%
# Make a recording
# ----------------
# A synthetic recording of three animals, ten seconds long. Leave this step out if you
# have a video.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(
    n_animals=3, n_frames=300, width=480, height=360, body_px=55, seed=4
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

# %%
# Track it
# --------
# ``animals`` is the number of animals, an upper bound, since some may be hidden. With
# it, each animal keeps one identity over the whole recording. Leave it out if you do
# not know the number; tracks then start and end as animals appear and disappear.
import murid

run = murid.track(video, animals=3)

# %%
# Everything is stored in a run directory beside the video. You can open it again at any
# time, without tracking again.
run = murid.open(folder / "video.murid")
sorted(path.name for path in run.path.iterdir())

# %%
# Look at the result
# ------------------
# ``run.info()`` describes the run: here, how long each animal was seen, and how sure
# murid is of its identity.
import pandas as pd

columns = [
    "id",
    "n_frames",
    "n_interpolated",
    "mean_score",
    "mean_identity_probability",
]
pd.DataFrame(run.info()["tracks"])[columns]

# %%
# Trajectories are arrays over time, space and individual. Positions are centres of
# boxes in pixels; they are NaN where an animal was not seen.
trajectories = run.trajectories()
trajectories.position.shape

# %%
# Or write a table with one row for each animal and frame.
pd.read_csv(run.export("csv", folder / "cage.csv")).head()

# %%
# Draw where they went
# --------------------
# The paths over the first frame of the video:
import matplotlib.pyplot as plt

from murid.video import open_source

first = next(iter(open_source(video).iterate())).image
plt.imshow(first)
for k, name in enumerate(trajectories.individuals):
    x, y = trajectories.position[:, :, k].T
    plt.plot(x, y, label=f"animal {name}")
plt.legend()
plt.axis("off")
plt.show()

# %%
# murid also has figures of its own; ``murid plot`` draws them all. This one shows for
# how long each animal was where.
from murid.pipeline.plot import load_plot_data
from murid.plots.maps import draw_occupancy

figure = plt.figure(figsize=(7, 5), layout="constrained")
draw_occupancy(figure, load_plot_data(run))
plt.show()

# %%
# Next: :doc:`check and correct the identities <plot_2_identities>`, or :doc:`measure
# what the animals did <plot_4_measures>`.
