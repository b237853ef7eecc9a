"""
Into other tools
================

The tracks of a run go to the formats that the field uses; each is opened here by a reader that is
not murid's."""

# %%
# A recording of two synthetic animals stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=2, n_frames=120, width=480, height=360, body_px=55, seed=3)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

import murid

run = murid.track(video, animals=2)

# %%
# A table, one row per animal and frame: for pandas, R, spreadsheets.
import pandas as pd

pd.read_csv(run.export("csv", folder / "cage.csv")).head()

# %%
# netCDF as movement loads it.
import xarray as xr

xr.load_dataset(run.export("movement", folder / "cage.nc"))

# %%
# SLEAP.
import sleap_io

labels = sleap_io.load_slp(str(run.export("sleap", folder / "cage.slp")))
len(labels), [track.name for track in labels.tracks]

# %%
# And the rest, by name.
from murid.export.registry import EXPORT_FORMATS

sorted(EXPORT_FORMATS)
