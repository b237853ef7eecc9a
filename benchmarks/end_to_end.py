"""Frames per second of murid from video to identities, compared with Ultralytics' pipelines.

    python benchmarks/end_to_end.py --work DIR --peers PYTHON --rounds 3

The recording has 1280x720 pixels, H.264 and ten animals. `murid.synthetic` renders it once, and
the work folder keeps it. PYTHON is the interpreter of an environment with ultralytics, openvino and
lap; without it only murid is measured. Each round runs all pipelines in turn, each in a separate
process. The time of a peer starts at its first result, when its network is loaded and warm. The
time of murid is that of the whole `murid.track`: loading the network, learning the background,
identities and storage. Peers have random weights, so they have almost nothing to associate, which
favours them.

CPU seconds count all threads. On a busy machine they are more reliable than frames per second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from murid.synthetic import RecordingConfig, record
from murid.video import VideoWriter

N_ANIMALS = 10
N_FRAMES = 600
# Titles of the pipelines in the table.
TITLES = {
    "murid": "murid track",
    "murid-warm": "murid, detection to storage",
    "decode": "decoding alone",
    "yolov8n": "yolov8n, OpenVINO, ByteTrack",
    "yolov8s": "yolov8s, PyTorch, BoT-SORT",
}

# Scripts of the pipelines. Each prints, as JSON, frames, seconds and CPU seconds by name.
MEASURED = """
import json, resource, sys, time
def read_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
"""

DECODE = """
import av
began, cpu = time.perf_counter(), read_cpu()
with av.open(sys.argv[1]) as container:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    n = sum(1 for _ in container.decode(stream))
print(json.dumps({"decode": [n, time.perf_counter() - began, read_cpu() - cpu]}))
"""

MURID = """
import murid.pipeline.track
starts = {}
def report(stage, done, total):
    now = time.perf_counter(), read_cpu(), done
    first, _ = starts.get(stage, (now, now))
    starts[stage] = first, now
began, cpu = time.perf_counter(), read_cpu()
animals = int(sys.argv[3])
run = murid.pipeline.track.track(sys.argv[1], out=sys.argv[2], animals=animals, report=report)
whole = [run.info()["n_frames"], time.perf_counter() - began, read_cpu() - cpu]
(first_s, first_cpu, first), (last_s, last_cpu, last) = starts["detect"]
warm = [last - first, last_s - first_s, last_cpu - first_cpu]
print(json.dumps({"murid": whole, "murid-warm": warm}))
"""

PEER = """
import os
os.environ["YOLO_OFFLINE"] = "true"
from pathlib import Path
from ultralytics import YOLO
name, tracker, export = sys.argv[2:5]
folder = Path(f"{name}_openvino_model")
if export == "openvino":
    if not folder.exists():
        YOLO(f"{name}.yaml").export(format="openvino", imgsz=640)
    model = YOLO(str(folder), task="detect")
else:
    model = YOLO(f"{name}.yaml", task="detect")
n = 0
settings = dict(stream=True, tracker=tracker, imgsz=640, verbose=False, device="cpu")
for _ in model.track(sys.argv[1], **settings):
    if n == 0:
        began, cpu = time.perf_counter(), read_cpu()
    n += 1
print(json.dumps({name: [n - 1, time.perf_counter() - began, read_cpu() - cpu]}))
"""


@dataclass(frozen=True)
class Sample:
    """Frames, seconds and CPU seconds of one pass."""

    n_frames: int
    wall_s: float
    cpu_s: float


def make_recording(path: Path) -> Path:
    """Make the recording unless it exists."""
    if not path.exists():
        config = RecordingConfig(
            n_animals=N_ANIMALS,
            n_frames=N_FRAMES,
            width=1280,
            height=720,
            body_px=100,
            coats=("black", "agouti"),
            floor_brightness=0.62,
            seed=6,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, config.fps, config.width, config.height) as video_writer:
            for recorded in record(config):
                video_writer.write(recorded.frame.image)
    return path


def run_script(python: str, script: str, arguments: list[str], work: Path) -> dict[str, Sample]:
    """Run a script whose last line of output is its samples as JSON."""
    command = [python, "-c", MEASURED + script, *arguments]
    # Peers run in another environment, which must not import this one's packages.
    hidden = {"PYTHONDONTWRITEBYTECODE"}
    if python != sys.executable:
        hidden.add("PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    # Compiled bytecode is reused, as after a first call, even if the package is read-only.
    environment["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")
    result = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(
            f"{arguments} ended with code {result.returncode}:\n{result.stderr[-2000:]}"
        )
    samples = json.loads(result.stdout.splitlines()[-1])
    return {name: Sample(*row) for name, row in samples.items()}


def run_round(video: Path, work: Path, peers: str | None, names: list[str]) -> dict[str, Sample]:
    """Run each pipeline once."""
    samples = run_script(sys.executable, DECODE, [str(video)], work)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        samples |= run_script(
            sys.executable, MURID, [str(video), f"{folder}/run.murid", str(N_ANIMALS)], work
        )
    if peers is not None:
        if "yolov8n" in names:
            samples |= run_script(
                peers, PEER, [str(video), "yolov8n", "bytetrack.yaml", "openvino"], work
            )
        if "yolov8s" in names:
            samples |= run_script(
                peers, PEER, [str(video), "yolov8s", "botsort.yaml", "pytorch"], work
            )
    return samples


def print_table(rounds: list[dict[str, Sample]]) -> None:
    """Print medians over the rounds; ratios are medians of the ratios of each round."""
    print("| pipeline | frames/s | CPU ms a frame | murid's speed-up | CPU relative to murid |")
    print("|---|---|---|---|---|")
    columns = defaultdict(list)
    for samples in rounds:
        for name, sample in samples.items():
            columns[name].append((sample, samples["murid"]))
    for name, pairs in columns.items():
        rate = statistics.median(s.n_frames / s.wall_s for s, _ in pairs)
        cpu = statistics.median(1000 * s.cpu_s / s.n_frames for s, _ in pairs)
        speed_up = statistics.median(
            m.n_frames / m.wall_s / (s.n_frames / s.wall_s) for s, m in pairs
        )
        relative_cpu = statistics.median(
            s.cpu_s / s.n_frames / (m.cpu_s / m.n_frames) for s, m in pairs
        )
        print(f"| {TITLES[name]} | {rate:.0f} | {cpu:.1f} | {speed_up:.2f} | {relative_cpu:.2f} |")


def main() -> None:
    """Measure the pipelines and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peers", help="Python of an environment with ultralytics")
    parser.add_argument("--only", nargs="*", default=["yolov8n", "yolov8s"], help="peers")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    video = make_recording(work / "ten.mp4")
    rounds = []
    for k in range(arguments.rounds):
        rounds.append(run_round(video, work, arguments.peers, arguments.only))
        rates = ", ".join(f"{name} {s.n_frames / s.wall_s:.0f}" for name, s in rounds[-1].items())
        print(f"round {k + 1}, frames/s: {rates}", flush=True)
    print_table(rounds)


if __name__ == "__main__":
    main()
