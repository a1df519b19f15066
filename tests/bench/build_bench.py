"""How long it takes to build both programs from nothing on two cores, without ccache, and then to
rebuild and test after an edit of one loss.

Usage: build_bench.py BUILD_FOLDER. Writes BUILD_FOLDER/bench/build.json, and builds in a folder
beside it that goes at the end. The edit is a new time stamp of trainer/losses/hard.cpp.
"""

import os
import pathlib
import resource
import sys
import tempfile

from figures import Figure, measure, publish

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUM_CORES = 2
EDITED = ROOT / "trainer" / "losses" / "hard.cpp"
TEST = "losses_test"


def build(folder, *targets):
    """Seconds."""
    command = ["cmake", "--build", folder, "--parallel", NUM_CORES, "--target", *targets]
    return measure(command, timeout_s=3600).seconds


def core_seconds():
    """Of all programs that have been measured so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def set_environment():
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    os.environ.update(CCACHE_DISABLE="1", OMP_NUM_THREADS="1")


def main():
    set_environment()
    output = pathlib.Path(sys.argv[1]).resolve() / "bench"
    output.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        configured = measure(["cmake", "-S", ROOT, "--preset", "release", "-B", folder])
        whole = configured.seconds + build(folder, "mpisweep", "mpisweep-trainer")
        whole_core_seconds = core_seconds()
        build(folder, TEST)
        EDITED.touch()
        rebuilt = build(folder, "mpisweep-trainer", TEST)
        tested = measure([f"{folder}/tests/{TEST}"]).seconds
    figures = [
        Figure("from nothing", whole, "s", 180),
        Figure("one loss edited: rebuilt and tested", rebuilt + tested, "s", 20),
    ]
    circumstances = {"core_seconds": whole_core_seconds, "rebuilt_s": rebuilt, "tested_s": tested}
    return publish(figures, circumstances, output / "build.json")


if __name__ == "__main__":
    sys.exit(main())
