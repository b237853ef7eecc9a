"""
A network of one's own
======================

From a recording of a single animal, without any label: it is cut out, and put together with others
into training pictures. Here the training stops after a few steps; on your own recordings give it an
hour or more (``murid train --solo alone.mp4 --minutes 60``)."""

# %%
# A recording of one synthetic animal stands in for yours.
from pathlib import Path
from tempfile import mkdtemp

from murid.synthetic import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

folder = Path(mkdtemp())
config = RecordingConfig(n_animals=1, n_frames=200, width=480, height=360, body_px=55, seed=6)
info = SequenceInfo("cage", config.fps, config.width, config.height, config.n_frames)
write_sequence(folder, record(config), info)
video = folder / "video.mp4"

# %%
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
fitted = train(config, prepare_data(config, [], [video], out), out, sources=["alone.mp4"])
fitted.validation

# %%
# The network is used by its path; its model card lies beside it.
import murid

run = murid.track(video, animals=1, detector=out / "nano-detector.onnx")
print((out / "README.md").read_text()[:700])
