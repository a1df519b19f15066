"""Training steps: packs of trials beside LibTorch's own modules, and what bounds them.

Usage: steps_bench.py BUILD_FOLDER [--device cpu|cuda|cuda:1] [--widest N] [--precision P]
Writes BUILD_FOLDER/bench/steps.json.

A trial-step is a step of one trial: forward, loss, backward, optimiser; no metrics. "plain" trains
one trial after the other, with LibTorch's own modules and optimiser, in float32. In a pack the device
is told of every operator, or replays recorded steps (CUDA graphs). On a GPU three shares say how near
a pack comes to what the device can do: of its memory's speed, by the bytes that our operators move;
of its arithmetic; and of the speed of an ideal step, a single kernel which leaves nothing in memory
but weights and optimiser state.
"""

import argparse
import json
import pathlib
import sys

from figures import Figure, measure, publish

WIDEST = {"cpu": 8, "cuda": 4096}
TARGETS_ON_GPU = {"MLP": 100, "linear": 100, "CNN": 10}
TARGETS_ON_CPU = {"MLP": 1.7}  # to modules with the same process set-up
TARGET_SHARE = 0.6
NUM_OPERATORS = 8  # that are told, those which move most


def speeds(workload, how):
    return [width[how] for width in workload["widths"] if how in width]


def fastest(workload):
    return max(speeds(workload, "told") + speeds(workload, "replayed"))


def traffic(workload):
    """Bytes of a trial-step."""
    return sum(workload["traffic"].values())


def shares(workload, measured):
    """Of memory speed, of arithmetic and of an ideal step's speed, at the best width."""
    speed, ideal = fastest(workload), workload["ideal"]
    moving_s = ideal["bytes"] / measured["bytes_per_s"]
    computing_s = ideal["operations"] / measured["operations_per_s"]
    return {
        "memory": speed * traffic(workload) / measured["bytes_per_s"],
        "arithmetic": speed * computing_s,
        "ideal step": speed * max(moving_s, computing_s),
    }


def curve(workload):
    """Trial-steps per second by width, and the ratio to plain modules."""
    lines = [f"\n{workload['name']}: plain {workload['plain']:.0f} trial-steps/s"]
    lines.append(f"{'width':>6}{'told':>12}{'replayed':>12}{'to plain':>10}")
    for width in workload["widths"]:
        replayed = f"{width['replayed']:.0f}" if "replayed" in width else "-"
        ratio = max(width["told"], width.get("replayed", 0)) / workload["plain"]
        lines.append(f"{width['width']:>6}{width['told']:>12.0f}{replayed:>12}{ratio:>9.1f}x")
    return "\n".join(lines)


def roofline(workload, measured):
    ideal, moved = workload["ideal"], workload["traffic"]
    most = sorted(moved, key=moved.get, reverse=True)[:NUM_OPERATORS]
    told = ", ".join(f"{share:.0%} of {what}" for what, share in shares(workload, measured).items())
    return (
        f"a trial-step moves {traffic(workload) / 1e6:.2f} MB, an ideal one "
        f"{ideal['bytes'] / 1e6:.2f}, for {ideal['operations'] / 1e6:.0f} million operations: {told}\n"
        "of it " + ", ".join(f"{name} {moved[name] / traffic(workload):.0%}" for name in most)
    )


def figures_of(workload, measured, targets):
    kind = workload["name"].split()[0]
    figures = []
    if kind in targets:
        ratio = fastest(workload) / workload["plain"]
        what = f"{workload['name']}: to plain"
        figures.append(Figure(what, ratio, "x", targets[kind], is_floor=True))
    if "traffic" in workload:
        by_kind = shares(workload, measured)
        share = max(by_kind["memory"], by_kind["arithmetic"])
        what = f"{workload['name']}: of memory speed or arithmetic"
        figures.append(Figure(what, share, "", TARGET_SHARE, is_floor=True))
    return figures


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--widest", type=int, help="pack, 8 on a CPU, 4096 on a GPU")
    parser.add_argument(
        "--precision", default="float32", choices=["float32", "tf32", "bf16"], help="of packs"
    )
    arguments = parser.parse_args()
    kind, _, index = arguments.device.partition(":")
    if kind not in WIDEST:
        parser.error(f"unknown device {arguments.device}, known are cpu, cuda and cuda:<index>")
    if arguments.widest is None:
        arguments.widest = WIDEST[kind]
    if arguments.widest < 1:
        parser.error(f"no pack has {arguments.widest} trials")
    arguments.device = "cpu" if kind == "cpu" else f"cuda:{index or 0}"
    return arguments


def run(program, arguments):
    """What it measured. Whatever else it says is printed: why there are no graphs, for instance."""
    if not program.exists():
        raise SystemExit(f"{program} is missing: build the target {program.name}")
    command = [program, arguments.device, arguments.widest, arguments.precision]
    out = measure(command, timeout_s=3600).out
    begin = out.index("{\n")
    print(out[:begin].rstrip())
    return json.JSONDecoder().raw_decode(out[begin:])[0]


def main():
    arguments = read_arguments()
    build = arguments.build.resolve()
    measured = run(build / "bench" / "step_speed", arguments)
    print(f"{measured['device']}, {measured['library']}, packs in {measured['precision']}")
    print(
        f"memory {measured['bytes_per_s'] / 1e9:.0f} GB/s, "
        f"arithmetic {measured['operations_per_s'] / 1e9:.0f} GFLOP/s"
    )
    for workload in measured["workloads"]:
        print(curve(workload))
        if "traffic" in workload:
            print(roofline(workload, measured))
    print()
    targets = TARGETS_ON_CPU if arguments.device == "cpu" else TARGETS_ON_GPU
    figures = [
        figure
        for workload in measured["workloads"]
        for figure in figures_of(workload, measured, targets)
    ]
    return publish(figures, {"steps": measured}, build / "bench" / "steps.json")


if __name__ == "__main__":
    sys.exit(main())
