"""mpisweep beside the tools that people use today: the same sweeps under each, on two cores.

Usage: peers_bench.py BUILD_FOLDER PYTHON [--rounds N] [--only NAME,NAME...]
PYTHON is one that has the peers. Writes BUILD_FOLDER/bench/peers.json.

Each round runs every program once. Wall time is from start to exit; warm time is from the beginning
of the first trial to the end of the last one, with mpisweep from when ranks may begin, the start of
the second trainer included ("finished in" of its last line). A ratio is that of one round; given
are medians over rounds, with the least and the largest.
"""

import argparse
import csv
import dataclasses
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile

from figures import Figure, measure, publish

NUM_CORES = 2
NUM_TRIALS = 96
NUM_IMAGE_TRIALS = 2
FOLDER = pathlib.Path(__file__).resolve().parent / "peers"
MPIEXEC = ["mpiexec", "--oversubscribe", "--bind-to", "none", "-n", NUM_CORES + 1]
IMAGES_PER_FILE, BYTES_PER_IMAGE = 10_000, 3 * 32 * 32  # of CIFAR-10

# program -> what a person would call it
PEERS = {
    "joblib_pool": "joblib",
    "optuna_grid": "Optuna, two threads",
    "ray_tune": "Ray Tune, reuse_actors",
    "dask_distributed": "Dask distributed",
    "mpi4py_futures": "mpi4py.futures",
    "vmap_packs": "torch.func.vmap, packs of 8",
    "serial": "one process, one core",
}
MPISWEEP = "mpisweep"
AS_IT_COMES = "one_at_a_time"
SET_UP = "one_at_a_time_set_up"
TITLES = {
    MPISWEEP: "mpisweep",
    **PEERS,
    AS_IT_COMES: "LibTorch one at a time, as it comes",
    SET_UP: "LibTorch one at a time, same process set-up",
}


@dataclasses.dataclass
class Run:
    """One program once."""

    wall_s: float
    warm_s: float
    accuracy: float  # mean over trials, at the end
    focus_weight: float


def mean(values):
    return statistics.fmean(map(float, values))


def json_lines(out):
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def run_peer(python, name):
    launcher = [*MPIEXEC, python, "-m", "mpi4py.futures"] if name == "mpi4py_futures" else [python]
    measured = measure([*launcher, FOLDER / f"{name}.py"])
    (line,) = json_lines(measured.out)
    return Run(measured.seconds, line["warm_s"], line["accuracy"], line["focus_weight"])


def run_one_at_a_time(program, workload):
    """In as many processes as there are cores."""
    parts = " & ".join(f"{program} {workload} {part} {NUM_CORES}" for part in range(NUM_CORES))
    measured = measure(["sh", "-c", f"{parts} & wait"])
    lines = json_lines(measured.out)
    if len(lines) != NUM_CORES:
        raise RuntimeError(f"{program}: {measured.out}")
    return Run(
        wall_s=measured.seconds,
        warm_s=max(line["ended"] for line in lines) - min(line["began"] for line in lines),
        accuracy=mean(value for line in lines for value in line["accuracies"]),
        focus_weight=mean(value for line in lines for value in line["focus_weights"]),
    )


def training_seconds(out):
    """What mpisweep tells in its last line: "7.9 s", "1:07" or "1:02:03"."""
    told = re.search(r"trials finished in (?:(?:(\d+):)?(\d+):)?([\d.]+) ", out)
    if told is None:
        raise RuntimeError(f"no trial finished: {out}")
    hours, minutes, seconds = (float(part or 0) for part in told.groups())
    return 3600 * hours + 60 * minutes + seconds


def run_mpisweep(build, config):
    mpisweep = build / "mpisweep"
    with tempfile.TemporaryDirectory(dir=build / "bench") as folder:
        output = pathlib.Path(folder) / "out"
        measured = measure(
            [mpisweep, "run", config, "--device", "cpu", "--ranks", NUM_CORES, "--output", output]
        )
        table = measure([mpisweep, "export", output, "--format", "csv"]).out
    trials = list(csv.DictReader(table.splitlines()))
    return Run(
        wall_s=measured.seconds,
        warm_s=training_seconds(measured.out),
        accuracy=mean(trial["final_train_accuracy"] for trial in trials),
        focus_weight=mean(trial["final_train_focus_weight"] for trial in trials),
    )


def check_learning(name, run):
    if run.accuracy < 0.99 or run.focus_weight < 0.9:
        raise RuntimeError(
            f"{name} did not learn: accuracy {run.accuracy:.3f}, weight {run.focus_weight:.3f}"
        )


def run_program(name, build, python):
    if name == MPISWEEP:
        run = run_mpisweep(build, FOLDER / "gaussian_mosaics.yaml")
    elif name in PEERS:
        run = run_peer(python, name)
    else:
        run = run_one_at_a_time(build / "bench" / name, "mlp")
    check_learning(name, run)
    return run


def write_random_images(folder):
    for name in ("data_batch_1.bin", "test_batch.bin"):
        with (folder / name).open("wb") as file:
            for index in range(IMAGES_PER_FILE):
                file.write(bytes([index % 10]) + os.urandom(BYTES_PER_IMAGE))


def run_images(build):
    """The convolutional pair: mpisweep and one at a time."""
    with tempfile.TemporaryDirectory(dir=build / "bench") as folder:
        write_random_images(pathlib.Path(folder))
        os.environ["RANDOM_IMAGES"] = folder
        return {
            MPISWEEP: run_mpisweep(build, FOLDER / "random_images.yaml"),
            **{
                name: run_one_at_a_time(build / "bench" / name, "cnn")
                for name in (AS_IT_COMES, SET_UP)
            },
        }


def run_round(runs, build, python):
    """Appends a run of each program. One that cannot run is told and left out from then on."""
    for name in list(runs):
        try:
            run = run_program(name, build, python)
        except RuntimeError as error:
            if name not in PEERS:
                raise
            del runs[name]
            print(f"  {TITLES[name]} left out: {str(error).strip().splitlines()[-1]}", flush=True)
            continue
        runs[name].append(run)
        print(f"  {TITLES[name]}: {run.wall_s:.1f} s, {run.warm_s:.1f} s of it warm", flush=True)


def run_rounds(names, num_rounds, build, python):
    """Runs of each program by round, and those on images."""
    runs = {name: [] for name in names}
    images = []
    for index in range(num_rounds):
        print(f"round {index + 1} of {num_rounds}", flush=True)
        run_round(runs, build, python)
        images.append(run_images(build))
    return runs, images


def spread(values, digits=2):
    """Median, least and largest."""
    middle, least, most = (
        f"{statistic(values):.{digits}f}" for statistic in (statistics.median, min, max)
    )
    return f"{middle} ({least}-{most})"


def program_table(runs, num_trials):
    rows = [("program", "wall s", "trials/s wall", "trials/s warm", "accuracy", "weight")]
    for name, of_program in runs.items():
        rows.append(
            (
                TITLES[name],
                spread([run.wall_s for run in of_program], digits=1),
                spread([num_trials / run.wall_s for run in of_program]),
                spread([num_trials / run.warm_s for run in of_program]),
                f"{mean(run.accuracy for run in of_program):.3f}",
                f"{mean(run.focus_weight for run in of_program):.3f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return "\n".join("   ".join(row) for row in padded)


def ratios(ours, theirs, kind):
    """How many times faster we were, by round."""
    return [getattr(their, kind) / getattr(our, kind) for our, their in zip(ours, theirs)]


def ratio_figure(what, of_rounds, target):
    return Figure(
        f"{what} ({min(of_rounds):.2f}-{max(of_rounds):.2f})",
        statistics.median(of_rounds),
        "x",
        target,
        is_floor=True,
    )


def best_peer_figure(runs, kind, target):
    ours = runs[MPISWEEP]
    by_peer = {name: ratios(ours, runs[name], kind) for name in PEERS if name in runs}
    best = min(by_peer, key=lambda name: statistics.median(by_peer[name]))
    what = f"{kind.removesuffix('_s')}: to the best peer, {TITLES[best]}"
    return ratio_figure(what, by_peer[best], target)


def figures_of(runs, images):
    figures = []
    if any(name in runs for name in PEERS):
        figures += [best_peer_figure(runs, kind, 4) for kind in ("warm_s", "wall_s")]
    for name, target in ((AS_IT_COMES, 3.5), (SET_UP, 1.7)):
        if name in runs:
            of_rounds = ratios(runs[MPISWEEP], runs[name], "warm_s")
            figures.append(ratio_figure(f"warm: to {TITLES[name]}", of_rounds, target))
    ours = [round_[MPISWEEP] for round_ in images]
    theirs = [round_[AS_IT_COMES] for round_ in images]
    what = f"warm: convolutional pair, to {TITLES[AS_IT_COMES]}"
    figures.append(ratio_figure(what, ratios(ours, theirs, "warm_s"), 3))
    return figures


def as_json(of_programs):
    return {name: [dataclasses.asdict(run) for run in runs] for name, runs in of_programs.items()}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("python", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(TITLES), help=", ".join(TITLES))
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - TITLES.keys()
    if unknown or arguments.rounds < 1:
        parser.error(f"unknown programs {unknown or 'none'}, rounds {arguments.rounds}")
    return arguments


def set_environment():
    """Everybody has the same two cores and the same right to them; nobody phones home."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    os.environ.update(
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
        OMP_NUM_THREADS="1",
        RAY_USAGE_STATS_ENABLED="0",
        RAY_worker_niceness="0",
    )


def main():
    arguments = read_arguments()
    set_environment()
    build = arguments.build.resolve()
    chosen = arguments.only.split(",")
    names = [name for name in TITLES if name in chosen or name == MPISWEEP]
    (build / "bench").mkdir(exist_ok=True)
    runs, images = run_rounds(names, arguments.rounds, build, arguments.python.absolute())
    images_by_program = {name: [round_[name] for round_ in images] for name in images[0]}
    print(f"\n{program_table(runs, NUM_TRIALS)}\n")
    print(f"{program_table(images_by_program, NUM_IMAGE_TRIALS)}\n")
    circumstances = {
        "trials": NUM_TRIALS,
        "rounds": arguments.rounds,
        "programs": as_json(runs),
        "images": as_json(images_by_program),
    }
    return publish(figures_of(runs, images), circumstances, build / "bench" / "peers.json")


if __name__ == "__main__":
    sys.exit(main())
