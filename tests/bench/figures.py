"""What a benchmark measures, beside what it should be: a table for people, JSON for programs."""

import dataclasses
import json
import os
import pathlib
import platform
import subprocess
import time


@dataclasses.dataclass
class Figure:
    """A number that should stay below its target (at it where that is 0), or reach it."""

    what: str
    measured: float
    unit: str
    target: float
    at_least: bool = False  # the target is to be reached

    @property
    def is_good(self):
        if self.at_least:
            return self.measured >= self.target
        return self.measured < self.target or self.measured == self.target == 0


@dataclasses.dataclass
class Measurement:
    """How a command went. Memory is that of the largest process it started, itself included."""

    seconds: float
    peak_bytes: int
    out: str


def measure(command, timeout_s=1200):
    """Runs a command to its end. Raises RuntimeError with its last words if it fails."""
    start = time.monotonic()
    process = subprocess.Popen(
        ["timeout", str(timeout_s), *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{out}")
    return Measurement(seconds, usage.ru_maxrss * 1024, out)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def table(figures):
    rows = [("what", "measured", "target", "")]
    for figure in figures:
        relation = ">=" if figure.at_least else "<"
        target = f"{relation} {figure.target:g} {figure.unit}".rstrip() if figure.target else "0"
        verdict = "ok" if figure.is_good else "MISSED"
        rows.append((figure.what, f"{figure.measured:.3g} {figure.unit}".rstrip(), target, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{what:<{widths[0]}}   {measured:>{widths[1]}}   {target:>{widths[2]}}   {verdict}".rstrip()
        for what, measured, target, verdict in rows
    )


def publish(figures, circumstances, path):
    """Prints the table, writes the JSON file. Returns the exit code: 1 if a target was missed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        **circumstances,
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "figures": [{**dataclasses.asdict(figure), "ok": figure.is_good} for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{table(figures)}\n\n{path}")
    return 0 if all(figure.is_good for figure in figures) else 1
