"""A real Slurm of two nodes on this machine, in a folder of its own.

It needs root and namespaces of its own for processes and mounts (enter_namespaces), so that nothing
of it is left behind, whatever happens. Each node has two cores and two GPUs, for which terminals
stand in: Slurm only hands out their numbers.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

PROGRAMS = ["slurmctld", "slurmd", "sbatch", "srun", "munged", "unshare"]
NODES = ["n1", "n2"]

SLURM_CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
MpiDefault=pmix
JobRequeue=1
KillWait={kill_wait_s}
ReturnToService=2
MinJobAge=3600
SlurmdTimeout=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
TmpFS={folder}/tmp-%n
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=1000 Gres=gpu:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=1000 Gres=gpu:2
PartitionName=gpu Nodes=n[1-2] Default=YES MaxTime=10:00 State=UP
"""

GRES_CONF = """\
NodeName=n1 Name=gpu File=/dev/tty[10-11]
NodeName=n2 Name=gpu File=/dev/tty[12-13]
"""


def why_impossible():
    """The reason that no lab can be started here, or None."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"no {', '.join(missing)} here: apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "slurmd needs root"
    if subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True).returncode != 0:
        return "this machine allows no namespaces of processes and mounts"
    return None


NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def enter_namespaces():
    """Runs this program anew as the first process of its own namespaces, unless it is that."""
    if os.getpid() != 1:
        os.execvp("unshare", ["unshare", *NAMESPACES, sys.executable, *sys.argv])


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_until(condition, seconds, what):
    """Returns the first value of the condition that is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


class Lab:
    def __init__(self, folder, kill_wait_s=5):
        self.folder = pathlib.Path(folder)
        self.daemons = {}
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
        self._write_files(kill_wait_s)
        self._name_nodes()
        self._keep_apart_from_other_labs()
        self._start_munge()
        self._start("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.states() == {"n1": "idle", "n2": "idle"}, 30, "two idle nodes")

    def _write_files(self, kill_wait_s):
        for name in ["state", "munge", *(f"{kind}-{node}" for kind in ("spool", "tmp") for node in NODES)]:
            (self.folder / name).mkdir()
        values = {
            "host": socket.gethostname().split(".")[0],
            "folder": self.folder,
            "ports": free_ports(3),
            "kill_wait_s": kill_wait_s,
        }
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
        (self.folder / "gres.conf").write_text(GRES_CONF)

    def _name_nodes(self):
        """For this namespace alone."""
        hosts = self.folder / "hosts"
        hosts.write_text(pathlib.Path("/etc/hosts").read_text() + "127.0.0.1 n1 n2\n")
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)

    def _keep_apart_from_other_labs(self):
        """Open MPI names its files in both places after process ids, which every lab counts from 1."""
        (self.folder / "tmp").mkdir()
        os.environ["TMPDIR"] = str(self.folder / "tmp")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], check=True)

    def _start_munge(self):
        folder = self.folder / "munge"
        key = folder / "key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o400)
        folder.chmod(0o755)
        options = [f"--{what}={folder / name}" for what, name in [
            ("socket", "socket"), ("key-file", "key"), ("pid-file", "pid"),
            ("log-file", "log"), ("seed-file", "seed")]]
        self._start("munged", "munged", "--foreground", "--force", *options)
        wait_until((folder / "socket").exists, 10, "munge's socket")

    def _start(self, name, *command, **variables):
        with open(self.folder / f"{name}.out", "a") as log:
            self.daemons[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **variables}
            )

    def start_node(self, node):
        self._start(node, "slurmd", "-D", "-N", node, MPISWEEP_LAB_NODE=node)

    def states(self):
        out = run("sinfo", "--Node", "--noheader", "--format=%N %T", check=False).split()
        return dict(zip(out[::2], out[1::2]))

    def kill_node(self, node):
        """As if its power failed: slurmd and all that runs in jobs there is gone at once."""
        slurmd = self.daemons.pop(node)
        slurmd.kill()
        slurmd.wait()
        for process in processes_on(node):
            kill(process)
        run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")

    def revive_node(self, node):
        self.start_node(node)
        run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        wait_until(lambda: self.states()[node] == "idle", 60, f"{node} to be idle")


def processes_on(node):
    """All of a node but its slurmd: the daemons of steps and what runs in these."""
    marks = {f"{name}={node}".encode() for name in ("MPISWEEP_LAB_NODE", "SLURMD_NODENAME")}
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marks & set((folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
    return found


def command_line(process):
    """With zeros between its words; empty if it is gone."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def run(*command, check=True, seconds=120):
    """What a program prints."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if check and ended.returncode != 0:
        raise AssertionError(f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


class Job:
    """A batch job, by its id."""

    def __init__(self, job_id):
        self.id = job_id

    def field(self, name):
        """Of what Slurm knows of it; empty if it knows no more."""
        line = run("scontrol", "show", "job", self.id, "--oneliner", check=False)
        values = dict(word.split("=", 1) for word in line.split() if "=" in word)
        return values.get(name, "")

    def state(self):
        return self.field("JobState")

    def num_restarts(self):
        return int(self.field("Restarts") or 0)

    def wait_for_end(self, seconds=300):
        """The state in which it ends for good; one that waits in the queue has not ended."""
        going = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED")
        return wait_until(
            lambda: (state := self.state()) not in going and state, seconds, f"end of job {self.id}"
        )

    def wait_for_restart(self, count=1, seconds=120):
        wait_until(
            lambda: self.num_restarts() >= count and self.state() == "RUNNING",
            seconds,
            f"start {count + 1} of job {self.id}",
        )

    def cancel(self):
        run("scancel", self.id, check=False)
