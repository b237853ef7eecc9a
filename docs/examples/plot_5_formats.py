"""
5. Export to other programs
===========================

The tracks of a run can be written in the formats of other programs. This example writes
some of them, and opens each with a reader of another project.

On the command line: ``murid export cage.murid --out cage.csv``.
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
    n_animals=2, n_frames=120, width=480, height=360, body_px=55, seed=3
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
run = murid.track(folder / "video.mp4", animals=2)

# %%
# A table
# -------
# One row for each animal and frame, for pandas, R or a spreadsheet.
import pandas as pd

pd.read_csv(run.export("csv", folder / "cage.csv")).head()

# %%
# movement
# --------
# A netCDF file of movement's bounding-box data set, also for xarray.
import xarray as xr

xr.load_dataset(run.export("movement", folder / "cage.nc"))

# %%
# SLEAP
# -----
import sleap_io

labels = sleap_io.load_slp(str(run.export("sleap", folder / "cage.slp")))
len(labels), [track.name for track in labels.tracks]

# %%
# All formats
# -----------
# :doc:`/reference/formats` describes each of them.
from murid.export.registry import EXPORT_FORMATS

sorted(EXPORT_FORMATS)
