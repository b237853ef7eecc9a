"""Measure the speed and memory of ``murid track``, compared with decoding, and of the CLI.

    python benchmarks/speed.py ../shared/data/rodents/openfield-1mouse/video.mp4 --rounds 3

Each round decodes the file with PyAV alone, then tracks it, in separate processes. Compare the
ratios, since absolute times vary with the machine. Memory is the resident memory (RSS) of the
tracking process, sampled four times a second: its peak, and its rise from the second quarter of
the run to the last.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

DECODE = """
import sys, av
with av.open(sys.argv[1]) as container:
    container.streams.video[0].thread_type = "AUTO"
    print(sum(frame.to_ndarray(format="rgb24") is not None for frame in container.decode(video=0)))
"""


def time_command(arguments: list[str]) -> tuple[float, str]:
    """Return the seconds that a command took, and its output."""
    started = time.perf_counter()
    result = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, result.stdout


def watch_command(arguments: list[str]) -> tuple[float, list[float]]:
    """Return the seconds that a command took, and its resident memory in MB over time."""
    started = time.perf_counter()
    memory = []
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            memory.append(watched.memory_info().rss / 1e6)
            time.sleep(0.25)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with code {process.returncode}")
    return time.perf_counter() - started, memory


def measure_rise(memory: list[float]) -> float:
    """Return the median of the last quarter minus that of the second quarter, in MB."""
    quarter = max(1, len(memory) // 4)
    return statistics.median(memory[-quarter:]) - statistics.median(memory[quarter : 2 * quarter])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="further options of murid track, after --")
    arguments = parser.parse_args()
    murid = [sys.executable, "-m", "murid"]
    import_s = min(time_command([sys.executable, "-c", "import murid"])[0] for _ in range(5))
    help_s = min(time_command([*murid, "--help"])[0] for _ in range(5))
    print(f"import murid        {import_s:.2f} s")
    print(f"murid --help        {help_s:.2f} s")
    for k in range(arguments.rounds):
        decode_s, printed = time_command([sys.executable, "-c", DECODE, str(arguments.video)])
        n_frames = int(printed)
        with tempfile.TemporaryDirectory() as folder:
            track = [
                *murid,
                "track",
                str(arguments.video),
                "--out",
                f"{folder}/run.murid",
                *arguments.options,
            ]
            track_s, memory = watch_command(track)
        rates = f"decode {n_frames / decode_s:.0f}/s · track {n_frames / track_s:.0f}/s"
        rates += f" · ratio {decode_s / track_s:.2f}"
        rss = f"peak {max(memory):.0f} MB · rise {measure_rise(memory):+.0f} MB"
        print(f"round {k + 1}: {n_frames} frames · {rates} · {rss}", flush=True)


if __name__ == "__main__":
    main()
