"""How busy four ranks are with 2,000 short trials, which sleep: on any machine with a core to spare.

Usage: utilization_bench.py BUILD_FOLDER [NUM_TRIALS]. Writes BUILD_FOLDER/bench/utilization.json.
A rank is allocated from when its trainer is ready until the run ends. It is busy while it has a
pack; trials by themselves take a little less, which the second figure of each sweep tells.
"""

import json
import pathlib
import sys
import tempfile

from figures import Figure, measure, publish

NUM_RANKS = 4
NUM_LENGTHS = 20
SHORTEST_S = 0.002  # the longest takes 20 times as long
EQUAL_S = 0.015


def write_sweep(path, seconds, num_seeds):
    path.write_text(
        f"trial: {{study: noop}}\ngrid: {{seconds: {seconds}, seed: 0..{num_seeds - 1}}}\n"
    )


def figures_of(mpisweep, folder, name, seconds, num_trials, target):
    """Of a sweep whose trials take those times, equally many each."""
    config, output = folder / f"{name}.yaml", folder / name
    num_seeds = num_trials // len(seconds)
    write_sweep(config, seconds, num_seeds)
    run = measure(
        [mpisweep, "run", config, "--device", "cpu", "--output", output, "--ranks", NUM_RANKS]
    )
    workers = json.loads(measure([mpisweep, "show", output, "--workers", "--json"]).out)
    if sum(worker["trials"] for worker in workers) != num_seeds * len(seconds):
        raise RuntimeError(f"the sweep is not finished: {run.out}")
    allocated = sum(worker["allocated_s"] for worker in workers)
    busy = sum(worker["busy_s"] for worker in workers)
    asleep = num_seeds * sum(seconds)
    return [
        Figure(f"{name}: busy", 100 * busy / allocated, "%", target, is_floor=True),
        Figure(f"{name}: in trials", 100 * asleep / allocated, "%", target, is_floor=True),
    ]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    num_trials = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    spread = [round(SHORTEST_S * (1 + 19 * i / (NUM_LENGTHS - 1)), 6) for i in range(NUM_LENGTHS)]
    (build / "bench").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build / "bench") as folder:
        sweeps = [("equal trials", [EQUAL_S], 97), ("trials of 1 : 20", spread, 95)]
        figures = [
            figure
            for name, seconds, target in sweeps
            for figure in figures_of(
                build / "mpisweep", pathlib.Path(folder), name, seconds, num_trials, target
            )
        ]
    circumstances = {"trials": num_trials, "ranks": NUM_RANKS}
    return publish(figures, circumstances, build / "bench" / "utilization.json")


if __name__ == "__main__":
    sys.exit(main())
