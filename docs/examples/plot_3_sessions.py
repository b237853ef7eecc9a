"""
3. Several sessions of the same animals
=======================================

A study records the same animals on many days. This tutorial gives them the same names
in each recording: with a gallery, and without one.

On the command line: ``murid enroll --run day1.murid 1=alice 2=bob 3=cleo --gallery
cohort.gallery``, then ``murid track day2.mp4 --animals 3 --gallery cohort.gallery``.
"""

# %%
# Make two recordings
# -------------------
# Two days of the same three animals, the second in darker light.
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
    info = SequenceInfo(
        day.name, config.fps, config.width, config.height, config.n_frames
    )
    write_sequence(day, record(config), info)
    days.append(day / "video.mp4")

# %%
# Put the animals of the first day into a gallery
# -----------------------------------------------
# Track the first day and check its identities, as in :doc:`plot_2_identities`. Then
# give them names. The gallery is a file that stores what each animal looks like.
import murid

first = murid.track(days[0], animals=3)
gallery = murid.enroll(
    folder / "cohort.gallery",
    run=first.path,
    names={1: "alice", 2: "bob", 3: "cleo"},
)
[animal.name for animal in gallery.animals]

# %%
# Name the animals of the second day
# ----------------------------------
# Each name has a probability to be right. Below one half no name is given, and the
# animal is called ``unknown``.
second = murid.track(days[1], animals=3, gallery=folder / "cohort.gallery")
{track["name"]: track["name_probability"] for track in second.info()["tracks"]}

# %%
# Compare the animals by eye: the same name on both days should be the same animal.
import matplotlib.pyplot as plt

from murid.video import open_source


def draw_animal(axis, image, position):
    """Show the part of the image around an animal."""
    x, y = position.round().astype(int)
    axis.imshow(image[max(0, y - 35) : y + 35, max(0, x - 35) : x + 35])
    axis.axis("off")


figure, axes = plt.subplots(2, 3, figsize=(6, 4))
for row, run in enumerate((murid.open(first.path), second)):
    trajectories = run.trajectories()
    names = list(trajectories.individuals)
    image = next(open_source(days[row]).iterate(100)).image
    for axis, name in zip(axes[row], ("alice", "bob", "cleo"), strict=True):
        draw_animal(axis, image, trajectories.position[100, :, names.index(name)])
        axis.set_title(f"{name}, day {row + 1}")
plt.show()

# %%
# Without a gallery
# -----------------
# ``match_runs`` matches the animals of several runs to each other.
for run in murid.match_runs([first.path, second.path]):
    print(run.path.parent.name, run.names)
