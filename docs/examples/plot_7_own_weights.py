"""
7. Train a network on a solo recording
======================================

A recording of a single animal is enough to train a network, without any labels: the
animal is cut out and composed with others into training images.

Here the training stops after a few steps, so the network is not usable. On your own
recordings, train for an hour or more: ``murid train --solo alone.mp4 --minutes 60 --out
weights``. This needs the extra ``murid[train]``.
"""

# %%
# Make a recording of one animal
# ------------------------------
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(
    n_animals=1, n_frames=200, width=480, height=360, body_px=55, seed=6
)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

# %%
# Train
# -----
from murid.synthetic.still import StillConfig
from murid.training.config import ClipConfig, TrainConfig
from murid.training.recipe import prepare_data, train

config = TrainConfig(
    size_px=128,
    batch_size=8,
    epochs=2,
    steps_per_epoch=6,
    n_workers=0,
    stills=StillConfig(size_px=128, body_px=(20, 60)),
    clips=ClipConfig(n_synthetic=2, n_composed=1),
)
out = folder / "weights"
data = prepare_data(config, [], [video], out)
fitted = train(config, data, out, sources=["alone.mp4"])
fitted.validation

# %%
# Use the network
# ---------------
# Give its path. Its model card is in the same folder.
import murid
from murid.detection.config import DetectionConfig

detection = DetectionConfig(detector=str(out / "nano-detector.onnx"))
run = murid.track(video, animals=1, config=murid.Config(detection=detection))
print((out / "README.md").read_text()[:700])
