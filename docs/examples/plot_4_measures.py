"""
What the animals did
====================

From a run to distance moved, time in a zone and contacts; and pictures of them.
"""

# %%
# A recording of four synthetic animals stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

import murid
from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=4, n_frames=450, width=480, height=360, body_px=55, seed=3)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
run = murid.track(folder / "video.mp4", animals=4)

# %%
# An arena file says where the walls and zones are, and how long a pixel is. ``murid arena`` draws
# one.
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
# Positions are smoothed over half a second, and short gaps bridged: see :doc:`/howto/measure`.
# ``describe`` says how.
behaviour = run.behaviour(arena)
behaviour.describe()

# %%
# Tidy tables, in time bins of five seconds.
import pandas as pd

from murid.analysis.measures import compute_measures

tables = {name: pd.DataFrame(table) for name, table in compute_measures(behaviour, bin_s=5).items()}
tables["animals"].groupby("animal")[
    ["distance_cm", "immobile_s", "border_s", "contact_s"]
].sum().round(1)

# %%
tables["zones"].pivot(index="animal", columns="start_s", values="time_s").round(1)

# %%
# The paths, over the scene without its animals.
import matplotlib.pyplot as plt

from murid.pipeline.plot import load_plot_data
from murid.plots.maps import draw_paths
from murid.plots.timelines import draw_ethogram

data = load_plot_data(run, arena)
draw_paths(plt.figure(figsize=(7, 5.5), layout="constrained"), data)
plt.show()

# %%
# When each was in the centre, at rest, or in contact.
draw_ethogram(plt.figure(figsize=(7, 3.5), layout="constrained"), data)
plt.show()
