"""The schedule alone, with ten million trials of 1 : 20 on ten thousand simulated ranks.

Usage: simulation_bench.py BUILD_FOLDER [NUM_TRIALS [NUM_RANKS]]. Writes
BUILD_FOLDER/bench/simulation.json. Hints are wrong by up to a factor of three, packs vary by a
fifth, and one in a thousand is lost with its trainer. Trials take 1 s on average.
"""

import json
import pathlib
import sys

from figures import Figure, measure, publish


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    run = measure([build / "tests" / "simulation", *sys.argv[2:]])
    simulation = json.loads(run.out)
    figures = [
        Figure("utilization", 100 * simulation["utilization"], "%", 95, is_floor=True),
        Figure("schedule, per trial", simulation["ns_per_trial"], "ns", 2000),
        Figure("schedule, of a core of rank 0", 100 * simulation["coordinator_load"], "%", 5),
        Figure("the simulation itself", run.seconds, "s", 60),
        Figure("its memory", run.peak_bytes / 1e6, "MB", 2000),
    ]
    circumstances = {name: simulation[name] for name in ("trials", "ranks", "packs", "span_s")}
    return publish(figures, circumstances, build / "bench" / "simulation.json")


if __name__ == "__main__":
    sys.exit(main())
