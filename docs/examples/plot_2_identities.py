"""
2. Check and correct identities
===============================

Identities are the hardest part of tracking several animals. This tutorial looks at how
sure murid is of them, finds the moments at which animals may have been swapped, and
tries the ways to correct them.

On the command line: ``murid info cage.murid``, ``murid track cage.mp4 --animals 4
--video`` and ``murid identify cage.murid --animals 4 --refine``.
"""

# %%
# Make a recording and track it
# -----------------------------
# A synthetic recording of four animals.
from pathlib import Path
from tempfile import mkdtemp

import murid
from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(
    n_animals=4, n_frames=300, width=480, height=360, body_px=55, seed=8
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

run = murid.track(video, animals=4)

# %%
# How sure is each identity?
# --------------------------
# Each position has an identity probability: the probability that the box shows this
# animal. ``info`` has the mean of each animal.
import pandas as pd

facts = run.info()
columns = ["id", "n_frames", "n_interpolated", "mean_identity_probability"]
pd.DataFrame(facts["tracks"])[columns]

# %%
# Over time, it falls where animals touch and may have been swapped.
import matplotlib.pyplot as plt

trajectories = run.trajectories()
for k, name in enumerate(trajectories.individuals):
    probability = trajectories.identity_probability[:, k]
    plt.plot(trajectories.time_s, probability, label=f"animal {name}")
plt.xlabel("time (s)")
plt.ylabel("identity probability")
plt.ylim(0, 1.02)
plt.legend()
plt.show()

# %%
# Which moments should you look at?
# ---------------------------------
# Crossings are the moments at which two animals touch and may have been swapped. Those
# with a swap probability above 1 % are listed, the most uncertain one first. The list
# is empty if there is none, as in an easy recording.
crossings = pd.DataFrame(
    facts["crossings"],
    columns=[
        "first_frame",
        "last_frame",
        "identity_a",
        "identity_b",
        "swap_probability",
    ],
)
crossings.head()

# %%
# Look at these frames in the annotated video. ``annotate`` writes it, and so does
# ``murid track --video``.
from murid.video import open_source

annotated = run.annotate(folder / "annotated.mp4")
number = int(crossings["first_frame"].iloc[0]) if len(crossings) else 150
frame = next(open_source(annotated).iterate(number))
plt.figure(figsize=(7, 5))
plt.imshow(frame.image)
plt.axis("off")
plt.show()

# %%
# Correct them
# ------------
# Detections are stored, so identities can be computed again in seconds. First check the
# number of animals. A number that is too small is refused.
try:
    murid.identify(run.path, animals=2)
except murid.MuridError as error:
    print(error)

# %%
# Then make the second pass over the video, which learns the fur of these animals. By
# default, murid makes it only where look-alike animals leave identities in doubt; here
# it is asked for. On the command line this is ``murid identify cage.murid --refine``.
config = murid.Config().change("identification.refine=always")
run = murid.identify(run.path, animals=4, config=config)
[track["mean_identity_probability"] for track in run.info()["tracks"]]

# %%
# Was it right?
# -------------
# A synthetic recording has ground truth, so the identities can be scored.
scores = run.evaluate(folder / "gt" / "gt.txt")
scores.idf1, scores.id_switches

# %%
# In a recording of your own, leave the moments that stay uncertain out of the analysis.
table = pd.read_csv(run.export("csv", folder / "cage.csv"))
certain = table[table["identity_probability"] >= 0.99]
len(certain) / len(table)

# %%
# :doc:`/howto/annotate` lists more ways to correct identities.
