"""How soon a sweep trains, with LibTorch in the page cache: one trial of one step on one rank.

Usage: start_bench.py BUILD_FOLDER [NUM_RUNS]. Writes BUILD_FOLDER/bench/start.json.
The clock starts with `mpisweep run` and stops when the trial's result is on the screen, so the
first training step, its metrics and results.h5 lie before. Medians, after one run that is not
counted.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figure, publish

TIMEOUT_S = 60
SWEEP = """\
trial:
  study: focus_classification
  model: linear
  loss: soft
  seed: 0
  learning_rate: 0.1
  epochs: 1
  batch_size: 100
  dataset: {kind: linear_orthogonal, segments: 5, classes: 3, size: 100}
"""


def seconds_until(marks, command):
    """Seconds from a command's start until each text is first in a line of its output."""
    begin = time.monotonic()
    process = subprocess.Popen(
        ["timeout", str(TIMEOUT_S), *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds, out = {}, ""
    for line in process.stdout:
        out += line
        for mark in marks:
            if mark in line:
                seconds.setdefault(mark, time.monotonic() - begin)
    if process.wait() != 0 or len(seconds) < len(marks):
        raise RuntimeError(f"exit code {process.returncode}: {out}")
    return [seconds[mark] for mark in marks]


def start_once(mpisweep):
    with tempfile.TemporaryDirectory(dir=mpisweep.parent / "bench") as folder:
        config = pathlib.Path(folder) / "start.yaml"
        config.write_text(SWEEP)
        options = ["--output", f"{folder}/out", "--device", "cpu", "--ranks", "1"]
        marks = ["1 trial in 1 pack", "1 trials finished"]
        return seconds_until(marks, [mpisweep, "run", config, *options])


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    num_runs = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    (build / "bench").mkdir(exist_ok=True)
    _, *starts = [start_once(build / "mpisweep") for _ in range(num_runs + 1)]
    first_words, first_result = map(statistics.median, zip(*starts))
    figures = [
        Figure("first words on the screen", first_words, "s", 1.5),
        Figure("first trial trained and told", first_result, "s", 1.5),
    ]
    return publish(figures, {"runs": num_runs}, build / "bench" / "start.json")


if __name__ == "__main__":
    sys.exit(main())
