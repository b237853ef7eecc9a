"""
At most N animals
=================

Where the number of animals is known, identities are told from the whole recording; each says how
sure it is."""

# %%
# A recording of four synthetic animals stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=4, n_frames=450, width=480, height=360, body_px=55, seed=8)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

# %%
import murid

run = murid.track(video, animals=4)
facts = run.info()
[
    (track["id"], track["n_frames"], track["n_interpolated"], track["mean_identity_probability"])
    for track in facts["tracks"]
]

# %%
# The moments at which two of them may have been exchanged, the most doubtful first: look at these
# in the video.
facts["crossings"][:5]

# %%
# How certain each name is over time.
import matplotlib.pyplot as plt

trajectories = run.trajectories()
for k, name in enumerate(trajectories.individuals):
    plt.plot(trajectories.time_s, trajectories.identity_probability[:, k], label=f"animal {name}")
plt.xlabel("time (s)")
plt.ylabel("certainty of the name")
plt.ylim(0, 1.02)
plt.legend()
plt.show()

# %%
# Another number, which is an upper bound, costs no new detection: identities are told anew from
# what is stored.
from murid.pipeline.identify import identify

len(identify(run.path, animals=5).info()["tracks"])

# %%
# There is ground truth of a synthetic recording, so it can be scored.
scores = identify(run.path, animals=4).evaluate(folder / "gt" / "gt.txt")
scores.hota, scores.idf1, scores.id_switches
