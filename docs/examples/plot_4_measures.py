"""
4. What the animals did
=======================

This tutorial goes from a run to tables and figures of behaviour: distance moved, time
in a zone, contacts.

On the command line: ``murid arena cage.mp4 --draw``, then ``murid measure cage.murid
--arena cage.arena.toml --bin 5s --out measures/`` and ``murid plot cage.murid``.
"""

# %%
# Make a recording and track it
# -----------------------------
from pathlib import Path
from tempfile import mkdtemp

import murid
from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(
    n_animals=4, n_frames=450, width=480, height=360, body_px=55, seed=3
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
run = murid.track(folder / "video.mp4", animals=4)

# %%
# Describe the arena
# ------------------
# An arena file says where walls and zones are, and how long a pixel is. ``murid arena``
# draws one; see :doc:`/howto/arenas`.
arena = folder / "cage.arena.toml"
arena.write_text("""
width = 480
height = 360
scale = { points = [[40, 180], [440, 180]], cm = 58.0 }

[[arena]]
name = "field"
polygon = [[38, 28], [442, 28], [442, 332], [38, 332]]

[[zone]]
name = "centre"
polygon = [[140, 105], [340, 105], [340, 255], [140, 255]]
""")

# %%
# Measure
# -------
# Positions are smoothed over half a second, and short gaps are interpolated; see
# :doc:`/howto/measure`. ``describe`` returns the settings.
behaviour = run.behaviour(arena)
behaviour.describe()

# %%
# Tables have one row for each animal and time bin. Here the bins are five seconds long,
# and the sums are over the whole recording.
import pandas as pd

from murid.analysis import compute_measures

tables = {
    name: pd.DataFrame(table)
    for name, table in compute_measures(behaviour, bin_s=5).items()
}
columns = ["distance_cm", "immobile_s", "border_s", "contact_s"]
tables["animals"].groupby("animal")[columns].sum().round(1)

# %%
# Seconds in the centre, for each animal, by time bin:
tables["zones"].pivot(index="animal", columns="start_s", values="time_s").round(1)

# %%
# Draw
# ----
# The paths, over the background of the video.
import matplotlib.pyplot as plt

from murid.pipeline.plot import load_plot_data
from murid.plots.maps import draw_paths
from murid.plots.timelines import draw_ethogram

data = load_plot_data(run, arena)
draw_paths(plt.figure(figsize=(7, 5.5), layout="constrained"), data)
plt.show()

# %%
# When each animal was in the centre, immobile, or in contact.
draw_ethogram(plt.figure(figsize=(7, 3.5), layout="constrained"), data)
plt.show()
