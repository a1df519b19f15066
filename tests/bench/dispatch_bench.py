"""What it costs to hand out trials: rates of trials that train nothing, the wait between two packs,
the idle ranks' share of a core.

Usage: dispatch_bench.py BUILD_FOLDER [NUM_TRIALS]. Writes BUILD_FOLDER/bench/dispatch.json.
The targets are those for 4 ranks on 4 cores; with fewer cores there are as many ranks.
"""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figure, measure, publish

NUM_RANKS = min(4, len(os.sched_getaffinity(0)))
TRAINER = pathlib.Path(__file__).with_name("dispatch_trainer.py").resolve()
PACK_SECONDS = 0.03  # of a pack behind which the next one waits
PACKS_PER_RANK = 250
SETTLE_SECONDS = 3  # until all ranks have started and found nothing to do
WATCH_SECONDS = 5


def run_command(mpisweep, folder, config):
    path = folder / "dispatch.yaml"
    path.write_text(config)
    options = ["--device", "cpu", "--ranks", str(NUM_RANKS), "--output", str(folder / "out")]
    return [str(mpisweep), "run", str(path), *options]


def seconds_per_trial(mpisweep, num_trials, pack_width):
    """From when the first pack is lent until the last result is in the journal."""
    config = f"trial: {{study: noop}}\ngrid: {{seed: 0..{num_trials - 1}}}\n"
    if pack_width is not None:
        config += f"run: {{pack_width: {pack_width}}}\n"
    with tempfile.TemporaryDirectory(dir=mpisweep.parent / "bench") as folder:
        out = measure(run_command(mpisweep, pathlib.Path(folder), config)).out
    finished = re.search(rf"^{num_trials} trials finished in (.*) s \(", out, re.MULTILINE)
    if not finished:
        raise RuntimeError(f"not all trials have finished: {out}")
    return float(finished[1]) / num_trials


def sleeping_sweep(num_packs, seconds):
    return (
        f"trainer: [python3, '{TRAINER}']\n"
        f"trial: {{study: sleeper, seconds: {seconds}}}\n"
        f"grid: {{seed: 0..{num_packs - 1}}}\n"
        "run: {pack_width: 1}\n"
    )


def gaps_between_packs(mpisweep):
    with tempfile.TemporaryDirectory(dir=mpisweep.parent / "bench") as folder:
        folder = pathlib.Path(folder)
        os.environ["GAPS_FOLDER"] = str(folder)
        config = sleeping_sweep(PACKS_PER_RANK * NUM_RANKS, PACK_SECONDS)
        measure(run_command(mpisweep, folder, config))
        return [
            float(line) for path in folder.glob("gaps-*") for line in path.read_text().split()
        ]


def rank_processes(session):
    """Process ids by rank, of the ranks in a session (their trainers know no rank)."""
    ranks = {}
    for process in pathlib.Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or os.getsid(int(process.name)) != session:
                continue
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or belongs to somebody else
            continue
        for variable in variables:
            name, _, value = variable.partition(b"=")
            if name == b"OMPI_COMM_WORLD_RANK":
                ranks[int(value)] = int(process.name)
    return ranks


def core_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_shares(mpisweep):
    """Shares of a core that ranks use while one long pack trains: rank 0's, the busiest other's."""
    with tempfile.TemporaryDirectory(dir=mpisweep.parent / "bench") as folder:
        folder = pathlib.Path(folder)
        os.environ["GAPS_FOLDER"] = str(folder)
        config = sleeping_sweep(1, 2 * SETTLE_SECONDS + WATCH_SECONDS)
        command = run_command(mpisweep, folder, config)
        sweep = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            time.sleep(SETTLE_SECONDS)
            ranks = rank_processes(sweep.pid)
            before = {rank: core_seconds(process) for rank, process in ranks.items()}
            begin = time.monotonic()
            time.sleep(WATCH_SECONDS)
            spent = {rank: core_seconds(ranks[rank]) - before[rank] for rank in ranks}
            seconds = time.monotonic() - begin
        finally:
            sweep.send_signal(signal.SIGTERM)
            sweep.wait(timeout=60)
    if len(ranks) != NUM_RANKS:
        raise RuntimeError(f"found {len(ranks)} of {NUM_RANKS} ranks")
    others = [share for rank, share in spent.items() if rank != 0]
    return spent[0] / seconds, max(others, default=0) / seconds


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    num_trials = int(sys.argv[2]) if len(sys.argv) > 2 else 500_000
    (build / "bench").mkdir(exist_ok=True)
    mpisweep = build / "mpisweep"
    packed_s = seconds_per_trial(mpisweep, num_trials, pack_width=None)
    alone_s = seconds_per_trial(mpisweep, max(num_trials // 10, 1), pack_width=1)
    gaps = sorted(gaps_between_packs(mpisweep))
    rank_0_share, idle_share = idle_shares(mpisweep)
    figures = [
        Figure("no-op trial in packs", 1e3 * packed_s, "ms", 1e3 / 50_000),
        Figure("no-op trial at pack width 1", 1e3 * alone_s, "ms", 1e3 / 5_000),
        Figure("wait between two packs, median", 1e3 * statistics.median(gaps), "ms", 1),
        Figure("wait between two packs, 99 %", 1e3 * gaps[int(0.99 * len(gaps))], "ms", 1),
        Figure("core of an idle rank", 100 * idle_share, "%", 2),
        Figure("core of rank 0 while its trainer trains", 100 * rank_0_share, "%", 2),
    ]
    print(f"{NUM_RANKS} ranks: {1 / packed_s:,.0f} no-op trials per second, {1 / alone_s:,.0f} alone")
    circumstances = {
        "ranks": NUM_RANKS,
        "trials": num_trials,
        "trials_per_s": 1 / packed_s,
        "trials_per_s_at_width_1": 1 / alone_s,
        "waits": len(gaps),
    }
    return publish(figures, circumstances, build / "bench" / "dispatch.json")


if __name__ == "__main__":
    sys.exit(main())
