"""Sweeps under a real Slurm of two nodes: what is submitted, what survives, where it ran.

Usage: slurm_test.py MPISWEEP SLURM_FOLDER [TEST...]. SLURM_FOLDER has the job scripts to edit by
hand. Exits with 77, after the reason, where no Slurm can be started.
"""

import json
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
import unittest
import unittest.mock

import lab
from lab import Job, run, wait_until

HERE = pathlib.Path(__file__).resolve().parent

# About twenty seconds of one core in packs that are saved every second.
TRAINING = """\
name: training
trial:
  study: focus_classification
  model: linear
  epochs: 150
  batch_size: 250
  dataset: {kind: linear_orthogonal, segments: 20, classes: 20, size: 2000}
grid:
  loss: [soft, hard, lvml]
  seed: 0..1
  learning_rate: [0.1, 0.4]
run: {checkpoint_every: 1, grace: 4, pack_width: 2}
"""

SLEEPING = """\
name: sleeping
trial: {study: noop, seconds: 2}
grid: {seed: 0..11}
run: {grace: 4, pack_width: 1}
"""

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")

# Slurm's warning may come a minute early; without it mpisweep goes by the end of the job alone.
NO_SIGNAL = "--extra=--signal=B:CONT@1"


def setUpModule():
    global FOLDER, LAB, REFERENCE
    FOLDER = pathlib.Path(tempfile.mkdtemp())
    LAB = lab.Lab(FOLDER)
    for variable in ("MPISWEEP_JOB_SCRIPT", "SLURM_JOB_ID", "OMPI_MCA_btl"):
        os.environ.pop(variable, None)
    (FOLDER / "training.yaml").write_text(TRAINING)
    (FOLDER / "sleeping.yaml").write_text(SLEEPING)
    REFERENCE = FOLDER / "reference"


def mpisweep(*arguments, **how):
    return run(MPISWEEP, *map(str, arguments), **how)


def trained_values(folder):
    """What a sweep has learned, by trial; not when, where and how often it was tried."""
    trials = json.loads(mpisweep("export", folder, "--format", "json"))
    return {trial["trial"]: (trial["status"], trial["axes"], trial["values"]) for trial in trials}


def undisturbed_values():
    """Of the same sweep outside of Slurm, run once for all tests."""
    if not REFERENCE.exists():
        mpisweep("run", FOLDER / "training.yaml", "--output", REFERENCE, "--device", "cpu")
    return trained_values(REFERENCE)


class SlurmTest(unittest.TestCase):
    def setUp(self):
        self.output = FOLDER / self.id().rsplit(".", 1)[-1]

    def submit(self, config, *options, command="slurm"):
        """By the command's own script."""
        told = mpisweep(command, FOLDER / config, "--output", self.output, "--submit", *options)
        job = Job(re.search(r"^job (\d+) is submitted$", told, re.MULTILINE).group(1))
        self.addCleanup(job.cancel)
        return job

    def log(self):
        return "".join(path.read_text() for path in sorted(self.output.glob("slurm-*.log")))

    def wait_for_log(self, text, count=1, seconds=90):
        try:
            wait_until(lambda: self.log().count(text) >= count, seconds, repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error} in the log:\n{self.log()}")

    def wait_until_training(self, count=1):
        """A pack was saved, so there is something to go on with."""
        self.wait_for_log("ranks on", count)
        wait_until(lambda: [*self.output.glob("checkpoint-????????????????")], 60, "a checkpoint")

    def expect_end(self, job, state="COMPLETED"):
        ended = job.wait_for_end()
        self.assertEqual(ended, state, self.log())

    def expect_undisturbed_values(self):
        self.assertEqual(trained_values(self.output), undisturbed_values())

    def workers(self):
        return json.loads(mpisweep("show", self.output, "--workers", "--json"))


class Submission(SlurmTest):
    def test_a_sweep_runs_on_all_nodes_and_leaves_them_at_once(self):
        job = self.submit("sleeping.yaml", "--nodes", "2", "--time", "5")
        self.expect_end(job)
        self.assertEqual(len(self.workers()), 4)
        self.assertIn("12 trials finished", self.log())
        self.assertEqual(job.num_restarts(), 0)

    def test_a_finished_sweep_submitted_again_ends_with_nothing_done(self):
        undisturbed_values()
        self.output = REFERENCE
        job = self.submit("training.yaml", "--nodes", "2", "--time", "5", "--device", "cpu")
        self.expect_end(job)
        self.assertIn("nothing to do", self.log())
        self.assertEqual(job.num_restarts(), 0)

    def test_no_more_gpus_are_asked_for_than_there_are_packs(self):
        config = (FOLDER / "sleeping.yaml").read_text().replace("0..11", "0..2")
        (FOLDER / "three.yaml").write_text(config)
        mpisweep("slurm", FOLDER / "three.yaml", "--output", self.output)
        script = (self.output / "job.sh").read_text()
        self.assertIn("#SBATCH --nodes=2\n", script)
        self.assertIn("#SBATCH --gpus-per-node=2\n", script)
        mpisweep("slurm", FOLDER / "three.yaml", "--output", self.output, "--set", "seed=0")
        script = (self.output / "job.sh").read_text()
        self.assertIn("#SBATCH --nodes=1\n", script)
        self.assertIn("#SBATCH --gpus-per-node=1\n", script)

    def test_the_command_line_comes_before_the_config_and_that_before_the_personal_file(self):
        home = FOLDER / "home"
        (home / "mpisweep").mkdir(parents=True)
        personal = home / "mpisweep" / "slurm.yaml"
        personal.write_text("account: mine\npartition: theirs\ntime: 1:00:00\n")
        config = FOLDER / "wishes.yaml"
        config.write_text(SLEEPING + "slurm: {partition: ours, time: 2:00:00, nodes: 1}\n")
        command = ["slurm", config, "--output", self.output, "--time", "3:00:00"]
        with unittest.mock.patch.dict(os.environ, XDG_CONFIG_HOME=str(home)):
            mpisweep(*command)
            script = (self.output / "job.sh").read_text()
            for option in ("account=mine", "partition=ours", "time=3:00:00", "nodes=1"):
                self.assertIn(f"#SBATCH --{option}\n", script)
            personal.write_text("acount: mine\n")
            with self.assertRaisesRegex(AssertionError, r"slurm.yaml \(line 1\), did you mean"):
                mpisweep(*command)

    def test_of_two_jobs_on_a_folder_the_second_waits_if_it_is_told_so(self):
        options = ["--nodes", "1", "--tasks-per-node", "1", "--gpus-per-node", "0", "--time", "5"]
        first = self.submit("sleeping.yaml", *options)
        self.wait_for_log("1 rank on")
        second = self.submit("sleeping.yaml", *options, "--if-busy", "wait")
        self.expect_end(first)
        self.expect_end(second)
        self.assertIn("nothing to do", (self.output / f"slurm-{second.id}.log").read_text())

    def test_a_time_that_is_none_is_refused(self):
        command = ["slurm", FOLDER / "sleeping.yaml", "--output", self.output]
        with self.assertRaisesRegex(AssertionError, ": 2\n.*'soon' is no time"):
            mpisweep(*command, "--time", "soon")

    def test_a_partition_that_is_not_there_is_an_error_with_slurms_reason(self):
        command = ["slurm", FOLDER / "sleeping.yaml", "--output", self.output, "--submit"]
        with self.assertRaisesRegex(AssertionError, "invalid partition"):
            mpisweep(*command, "--partition", "nowhere")

    def test_scripts_edited_by_hand_do_the_same(self):
        for name in ("one_node", "many_nodes"):
            with self.subTest(name):
                output = self.output / name
                output.mkdir(parents=True)
                script = output / "job.sh"
                script.write_text(self.edit((SLURM_FOLDER / f"{name}.sh").read_text(), output))
                command = ["sbatch", "--parsable", f"--chdir={output}", script]
                job = Job(run(*command).strip())
                self.addCleanup(job.cancel)
                self.assertEqual(job.wait_for_end(), "COMPLETED")
                log = (output / f"slurm-{job.id}.log").read_text()
                self.assertIn("12 trials finished", log)
                self.assertRegex(log, r"hosts: n")
                self.assertRegex(log, r"mpisweep \d+\.\d+\.\d+ \(([0-9a-f]{7,}|unknown)\)")
                self.assertIn(f"command: {MPISWEEP} run ", log)

    def edit(self, script, output):
        values = {"mpisweep": MPISWEEP, "config": FOLDER / "sleeping.yaml", "output": output / "out"}
        for name, value in values.items():
            script, count = re.subn(rf"^{name}=\S*", f"{name}={value}", script, flags=re.MULTILINE)
            self.assertEqual(count, 1, name)
        script = re.sub(r"--nodes=4", "--nodes=2", script)
        script = re.sub(r"-per-node=4", "-per-node=2", script)
        return script.replace("--time=04:00:00", "--time=00:05:00")


class Devices(SlurmTest):
    def write_config(self):
        trainer = json.dumps([sys.executable, str(HERE / "device_trainer.py")])
        config = f"name: devices\ntrainer: {trainer}\ntrial: {{study: free}}\n"
        config += "grid: {seed: 0..15}\nrun: {pack_width: 1}\n"
        (FOLDER / "devices.yaml").write_text(config)

    def expect_a_device_for_each_rank(self, launcher):
        self.write_config()
        options = ["--nodes", "2", "--gpus-per-node", "2", "--device", "cuda", "--time", "5"]
        self.expect_end(self.submit("devices.yaml", *options, "--launcher", launcher))
        devices = sorted(worker["device"] for worker in self.workers())
        self.assertEqual(devices, ["n1 GPU 0", "n1 GPU 1", "n2 GPU 0", "n2 GPU 1"])

    def test_mpirun_with_gpus_per_task_is_named_as_the_trap_that_it_is(self):
        self.write_config()
        run_command = f"{MPISWEEP} run {FOLDER}/devices.yaml --output {self.output} --device cuda"
        root = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
        script = f"{root} OMPI_MCA_btl=^vader mpirun --bind-to none {run_command}"
        log = FOLDER / "trap.log"
        asked = ["--nodes=1", "--ntasks-per-node=2", "--gpus-per-task=1", "--time=5"]
        job = Job(run("sbatch", "--parsable", *asked, f"--output={log}", f"--wrap={script}").strip())
        self.addCleanup(job.cancel)
        job.wait_for_end()
        self.assertIn("ranks share a GPU on n1", log.read_text())
        self.assertIn("--gpus-per-node", log.read_text())

    def test_each_rank_has_its_own_gpu_under_mpirun(self):
        self.expect_a_device_for_each_rank("mpirun")

    def test_each_rank_has_its_own_gpu_under_srun(self):
        self.expect_a_device_for_each_rank("srun")


class Requeue(SlurmTest):
    def submit_training(self, *options):
        return self.submit("training.yaml", "--nodes", "2", "--time", "8", "--device", "cpu",
                           *options)

    def expect_to_go_on(self, job, starts=2):
        job.wait_for_restart(starts - 1)
        self.expect_end(job)
        self.assertIn("continuing", self.log())
        self.expect_undisturbed_values()

    def test_a_signal_to_the_script_requeues_the_job(self):
        job = self.submit_training()
        self.wait_until_training()
        run("scancel", "--signal=USR1", "--batch", job.id)
        self.wait_for_log(f"trials are left, job {job.id} goes back into its queue")
        self.expect_to_go_on(job)

    def preempt_steps(self, launcher):
        """As Slurm does at the beginning of a partition's GraceTime."""
        job = self.submit_training("--launcher", launcher)
        self.wait_until_training()
        run("scancel", "--signal=TERM", job.id)
        self.wait_for_log("packs saved")
        self.expect_to_go_on(job)

    def test_term_to_the_steps_saves_all_packs_and_requeues_the_job_under_srun(self):
        self.preempt_steps("srun")

    def test_term_to_the_steps_saves_all_packs_and_requeues_the_job_under_mpirun(self):
        self.preempt_steps("mpirun")

    def test_a_requeue_by_others_saves_all_packs_under_mpirun_and_is_not_doubled(self):
        job = self.submit_training()
        self.wait_until_training()
        run("scontrol", "requeue", job.id)
        self.wait_for_log("packs saved")
        self.expect_to_go_on(job)
        self.assertEqual(job.num_restarts(), 1)

    def test_a_cancelled_job_stays_cancelled(self):
        job = self.submit_training()
        self.wait_until_training()
        run("scancel", job.id)
        self.expect_end(job, "CANCELLED")
        self.assertNotIn("goes back into its queue", self.log())

    def test_a_job_that_may_not_be_requeued_has_a_successor(self):
        job = self.submit_training("--extra=--no-requeue")
        self.wait_until_training()
        run("scancel", "--signal=USR1", "--batch", job.id)
        self.wait_for_log("goes on after it")
        successor = Job(re.search(r"job (\d+) goes on after it", self.log()).group(1))
        self.addCleanup(successor.cancel)
        self.expect_end(successor)
        self.expect_undisturbed_values()

    def test_jobs_that_train_nothing_are_not_requeued_for_ever(self):
        job = self.submit("sleeping.yaml", "--nodes", "1", "--time", "5", "--set", "seconds=100")
        for start in range(1, 4):
            self.wait_for_log("ranks on", start)
            run("scancel", "--signal=USR1", "--batch", job.id)
            self.wait_for_log("stopped:", start)
        self.expect_end(job, "FAILED")
        self.assertEqual(job.num_restarts(), 2)
        self.assertIn("3 jobs in a row have trained nothing", self.log().splitlines()[-1])


class TimeLimit(SlurmTest):
    def test_a_job_leaves_ahead_of_its_time_limit_and_goes_on_with_the_same_bits(self):
        config = FOLDER / "limit.yaml"
        one_pack = TRAINING.replace("[soft, hard, lvml]", "soft").replace("[0.1, 0.4]", "[0.1]")
        config.write_text(one_pack.replace("epochs: 150", "epochs: 200"))
        before = os.times().children_user
        mpisweep("run", config, "--output", FOLDER / "probe", "--device", "cpu")
        seconds = os.times().children_user - before  # of a processor, however busy that is
        config.write_text(one_pack.replace("epochs: 150", f"epochs: {int(200 * 80 / seconds)}"))
        options = ["--nodes", "1", "--time", "1", "--device", "cpu", NO_SIGNAL]
        job = self.submit("limit.yaml", *options)
        self.wait_for_log("1 training")
        self.halt_trainers(seconds=20)  # the probe may have found the machine busier than the job does
        undisturbed = FOLDER / "unlimited"
        mpisweep("run", config, "--output", undisturbed, "--device", "cpu", seconds=400)
        self.wait_for_log("stopped ahead of the end of the job")
        self.assertIn("1 pack saved", self.log())
        self.expect_end(job)
        self.assertGreaterEqual(job.num_restarts(), 1)
        self.assertNotIn("DUE TO TIME LIMIT", self.log())
        self.assertEqual(trained_values(self.output), trained_values(undisturbed))

    def halt_trainers(self, seconds):
        trainers = [process for process in lab.processes_on("n1")
                    if b"mpisweep-trainer" in lab.command_line(process)]
        self.assertTrue(trainers)
        for process in trainers:
            os.kill(process, signal.SIGSTOP)
        time.sleep(seconds)
        for process in trainers:
            os.kill(process, signal.SIGCONT)

    def test_what_cannot_end_in_time_is_held_back_for_the_next_start(self):
        options = ["--nodes", "2", "--time", "1", "--set", "seconds=20", NO_SIGNAL]
        job = self.submit("sleeping.yaml", *options)
        status = lambda: json.loads(mpisweep("status", self.output, "--json", check=False) or "{}")
        held = wait_until(
            lambda: (now := status().get("held_back", {})).get("packs") and now, 60, "held back"
        )
        self.assertGreaterEqual(held["shortest_s"], 19)
        self.assertLess(held["left_s"], held["shortest_s"])
        job.wait_for_restart()
        self.expect_end(job)
        jobs = [(one["job_id"], one["restarts"]) for one in status()["slurm_jobs"]]
        self.assertEqual(jobs, [(job.id, 1)])
        self.assertEqual(status()["finished"], 12)


class Torture(SlurmTest):
    """Whatever happens to jobs, in any order."""

    NUM_DISTURBANCES = int(os.environ.get("MPISWEEP_TORTURE_KILLS", 4))
    SEED = int(os.environ.get("MPISWEEP_TORTURE_SEED", 1))

    def warn(self, job):
        run("scancel", "--signal=USR1", "--batch", job.id, check=False)

    def preempt(self, job):
        run("scancel", "--signal=TERM", "--full", job.id, check=False)

    def requeue(self, job):
        run("scontrol", "requeue", job.id, check=False)

    def kill_all_of_a_node(self, job):
        for process in lab.processes_on(random.choice(lab.NODES)):
            if b"mpisweep" in lab.command_line(process):
                lab.kill(process)

    def kill_one(self, job):
        """A rank, a trainer, a launcher or the supervisor, which is the job itself."""
        processes = [
            process
            for node in lab.NODES
            for process in lab.processes_on(node)
            if re.search(rb"mpisweep|mpirun|srun|orted", lab.command_line(process))
        ]
        if processes:
            lab.kill(random.choice(processes))

    def test_gives_the_values_of_an_undisturbed_run(self):
        random.seed(self.SEED)
        disturbances = [self.warn, self.preempt, self.requeue, self.kill_all_of_a_node,
                        self.kill_one]
        launcher = random.choice(["mpirun", "srun"])
        job = self.submit("training.yaml", "--nodes", "2", "--time", "3", "--device", "cpu",
                          "--launcher", launcher)
        for _ in range(self.NUM_DISTURBANCES):
            time.sleep(random.uniform(1, 8))
            disturb = random.choice(disturbances)
            print(f"{disturb.__name__} under {launcher}", flush=True)
            disturb(job)
            job = self.going_on(job)
        self.expect_end(job)
        self.expect_undisturbed_values()

    def going_on(self, job):
        """The job when it runs again; a new one if it has ended, as a person would submit it."""
        time.sleep(2)
        known = wait_until(lambda: (now := job.state()) in ("RUNNING", *ENDED) and now, 120, "a job")
        if known not in ENDED:
            return job
        again = Job(run("sbatch", "--parsable", self.output / "job.sh").strip())
        self.addCleanup(again.cancel)
        return again


class Death(SlurmTest):
    def submit_training(self, launcher):
        return self.submit("training.yaml", "--nodes", "2", "--time", "8", "--device", "cpu",
                           "--launcher", launcher)

    def expect_to_go_on_in_the_same_job(self, job):
        self.expect_end(job)
        self.assertEqual(job.num_restarts(), 0, self.log())
        self.assertIn("starting it again", self.log())
        self.expect_undisturbed_values()

    def kill_ranks(self, launcher):
        job = self.submit_training(launcher)
        self.wait_until_training()
        for process in lab.processes_on("n2"):
            if b"mpisweep\0run" in lab.command_line(process):
                lab.kill(process)
        self.expect_to_go_on_in_the_same_job(job)

    def lose_node(self, launcher):
        job = self.submit_training(launcher)
        self.wait_until_training()
        try:
            LAB.kill_node("n2")
            self.expect_to_go_on_in_the_same_job(job)
            self.assertIn("lost 1 of 2 nodes of the job (n2)", self.log())
        finally:
            LAB.revive_node("n2")

    def test_ranks_that_are_killed_start_again_under_mpirun(self):
        self.kill_ranks("mpirun")

    def test_a_node_that_dies_is_left_out_under_mpirun(self):
        self.lose_node("mpirun")

    def test_ranks_that_are_killed_start_again_under_srun(self):
        self.kill_ranks("srun")

    def test_a_node_that_dies_is_left_out_under_srun(self):
        self.lose_node("srun")


if __name__ == "__main__":
    if reason := lab.why_impossible():
        print(f"skipped: {reason}")
        sys.exit(77)
    lab.enter_namespaces()
    MPISWEEP, SLURM_FOLDER = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))
    unittest.main(verbosity=2)
