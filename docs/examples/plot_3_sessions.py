"""
The same names on another day
=============================

A gallery is a file that knows the animals of a study. Put them in once, and later recordings are
named from it."""

# %%
# Two days of three synthetic mice stand in for your recordings: the same animals, in other light.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
days = []
for seed, light in ((21, 0.75), (22, 0.6)):
    config = RecordingConfig(
        n_animals=3,
        n_frames=300,
        width=480,
        height=360,
        body_px=60,
        coats=("black", "agouti", "albino"),
        animal_seed=5,
        seed=seed,
        floor_brightness=light,
    )
    day = folder / f"day{len(days) + 1}"
    info = SequenceInfo(day.name, config.fps, config.width, config.height, config.n_frames)
    write_sequence(day, record(config), info)
    days.append(day / "video.mp4")

# %%
# The first day is tracked, looked through, and its identities get names.
import murid

first = murid.track(days[0], animals=3)
gallery = murid.enroll(
    folder / "cohort.gallery", run=first.path, names={1: "alice", 2: "bob", 3: "cleo"}
)
[animal.name for animal in gallery.animals]

# %%
# The second day is named from the gallery. Each name has a chance to be right; below one half, none
# is given.
second = murid.track(days[1], animals=3, gallery=folder / "cohort.gallery")
second.names

# %%
# Alice is alice in both: an animal of each name, a third into each recording.
import matplotlib.pyplot as plt

from murid.video import open_source

figure, axes = plt.subplots(2, 3, figsize=(6, 4))
for row, run in enumerate((murid.Run.open(first.path), second)):
    trajectories = run.trajectories()
    frame = next(open_source(days[row]).iterate(100)).image
    for name, axis in zip(("alice", "bob", "cleo"), axes[row], strict=True):
        x, y = (
            trajectories.position[100, :, list(trajectories.individuals).index(name)]
            .round()
            .astype(int)
        )
        axis.imshow(frame[max(0, y - 35) : y + 35, max(0, x - 35) : x + 35])
        axis.set_title(f"{name}, day {row + 1}")
        axis.axis("off")
plt.show()
