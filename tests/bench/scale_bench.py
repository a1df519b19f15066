"""The bookkeeping for a million trials that train nothing, on 2 ranks.

Usage: scale_bench.py BUILD_FOLDER [NUM_TRIALS]. Writes BUILD_FOLDER/bench/scale.json.
The targets are those for a million trials. Growth compares them with a tenth as many: what costs no
more than its share stays below 1.
"""

import dataclasses
import os
import pathlib
import sys
import tempfile

from figures import Figure, measure, publish

MEGABYTE = 1e6
NUM_RANKS = 2
REWRITABLE = ("journal", "results.h5", "config.yaml", "status.json")


@dataclasses.dataclass
class Costs:
    """Of one sweep, in seconds and bytes."""

    plan: float
    run: float
    memory: int
    write: float  # of results.h5
    scan: float  # of the journal
    status: float
    again: float  # the same run, with nothing to do
    num_rewritten: int


def times_of(folder):
    return {name: (folder / name).stat().st_mtime_ns for name in REWRITABLE}


def measure_scan(mpisweep, output, folder):
    """Without status.json, status reads the journal as every run does when it begins."""
    folder.mkdir()
    os.link(output / "journal", folder / "journal")
    return measure([mpisweep, "status", folder]).seconds


def measure_sweep(mpisweep, folder, num_trials):
    config, output = folder / "scale.yaml", folder / "out"
    config.write_text(f"trial: {{study: noop}}\ngrid: {{seed: 0..{num_trials - 1}}}\n")
    options = [config, "--device", "cpu", "--output", output]
    run = [mpisweep, "run", *options, "--ranks", NUM_RANKS]

    plan = measure([mpisweep, "plan", *options])
    first = measure(run)
    before = times_of(output)
    scan = measure_scan(mpisweep, output, folder / "scan")
    status = measure([mpisweep, "status", output])
    if f"done   {num_trials}/{num_trials} finished   0 failed" not in status.out:
        raise RuntimeError(f"the sweep is not finished: {status.out}")
    again = measure(run)
    after = times_of(output)
    return Costs(
        plan=plan.seconds,
        run=first.seconds,
        memory=first.peak_bytes,
        # The journal's last record comes right before results.h5 is made.
        write=(before["results.h5"] - before["journal"]) / 1e9,
        scan=scan,
        status=status.seconds,
        again=again.seconds,
        num_rewritten=sum(before[name] != after[name] for name in REWRITABLE),
    )


def growth(name, costs, tenth):
    ratio = getattr(costs, name) / (10 * getattr(tenth, name))
    return Figure(f"growth: {name}, per trial, against a tenth", ratio, "", 1.5)


def figures_of(costs, tenth):
    return [
        Figure("plan", costs.plan, "s", 5),
        Figure("whole run, 2 ranks", costs.run, "s", 60),
        Figure("memory of the largest process (rank 0)", costs.memory / MEGABYTE, "MB", 500),
        Figure("results.h5 written", costs.write, "s", 30),
        Figure("resume scan", costs.scan, "s", 5),
        Figure("status", costs.status, "s", 1),
        Figure("the same run again", costs.again, "s", 8),
        Figure("files it rewrote", costs.num_rewritten, "", 0),
        *(growth(name, costs, tenth) for name in ("plan", "run", "memory", "scan", "again")),
    ]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    num_trials = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    (build / "bench").mkdir(exist_ok=True)
    costs = []
    for count in (num_trials // 10, num_trials):
        print(f"{count:,} trials ...", flush=True)
        with tempfile.TemporaryDirectory(dir=build / "bench") as folder:
            costs.append(measure_sweep(build / "mpisweep", pathlib.Path(folder), count))
    tenth, whole = costs
    circumstances = {"trials": num_trials, "ranks": NUM_RANKS}
    return publish(figures_of(whole, tenth), circumstances, build / "bench" / "scale.json")


if __name__ == "__main__":
    sys.exit(main())
