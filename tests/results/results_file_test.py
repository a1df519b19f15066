"""What other programs read in results.h5: xarray with both of its engines, and h5py.

Usage: results_file_test.py WRITE_SAMPLE_FOLDER. That program writes the sweep of sample_sweep.cpp.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import h5py
import netCDF4
import numpy as np
import xarray

WRITE_SAMPLE_FOLDER = sys.argv.pop(1)
NAN = np.nan


def setUpModule():
    global FOLDER, PATH
    FOLDER = tempfile.TemporaryDirectory()
    PATH = pathlib.Path(FOLDER.name) / "results.h5"
    subprocess.run([WRITE_SAMPLE_FOLDER, FOLDER.name], check=True)


def tearDownModule():
    FOLDER.cleanup()


class Xarray:
    """The claims that hold for every engine."""

    engine = None

    def setUp(self):
        self.sweep = xarray.open_dataset(PATH, engine=self.engine)
        self.addCleanup(self.sweep.close)

    def values(self, name):
        return self.sweep[name].values.tolist()

    def expect_numbers(self, name, dims, numbers):
        self.assertEqual(self.sweep[name].dims, dims)
        self.assertEqual(self.sweep[name].dtype, np.float64)
        np.testing.assert_array_equal(self.sweep[name].values, np.array(numbers))

    def test_trials_are_hex_ids_in_grid_order(self):
        expected = [f"abcdef000000000{i}" for i in range(8)]
        self.assertEqual(self.values("trial"), expected)
        self.assertIn("trial", self.sweep.indexes)

    def test_text_axes_keep_every_letter(self):
        self.assertEqual(self.values("loss"), ["weich"] * 4 + ["größer"] * 4)
        self.assertEqual(self.values("empty"), [""] * 8)

    def test_integer_axes_are_int64(self):
        large = 2**53 + 1
        self.assertEqual(self.sweep["seed"].dtype, np.int64)
        self.assertEqual(self.values("seed"), [0, 0, large, large] * 2)

    def test_axes_of_integers_and_fractions_are_float64(self):
        self.expect_numbers("learning_rate", ("trial",), [0.1, 1.0] * 4)

    def test_bool_axes_are_int8(self):
        self.assertEqual(self.sweep["dataset.nested"].dtype, np.int8)
        self.assertEqual(self.values("dataset.nested"), [1] * 8)

    def test_other_axes_are_compact_json(self):
        self.assertEqual(self.values("schedule"), ['{"phases":[1,2]}'] * 8)
        self.assertEqual(self.values("momentum"), ["null"] * 8)

    def test_outcomes_tell_what_happened(self):
        status = ["finished"] * 2 + ["diverged", "failed", "finished"] + ["pending"] * 3
        error = ["", "", "loss is inf in epoch 1", "Ausnahme: „zu groß“\nzweite Zeile"] + [""] * 4
        self.assertEqual(self.values("status"), status)
        self.assertEqual(self.values("error"), error)
        self.assertEqual(self.values("attempts"), [2, 1, 1, 1, 1, 0, 0, 0])
        self.assertEqual(self.values("rank"), [3, 0, 0, 0, 0, -1, -1, -1])
        self.assertEqual(self.values("device"), ["NVIDIA H100", "cpu"] + [""] * 6)
        self.expect_numbers("elapsed_s", ("trial",), [1.5, 0.25, 0, 0, 0, NAN, NAN, NAN])

    def test_scalars_are_exact_and_nan_where_absent(self):
        # Trial 4 reported a list for it, which is not what the study declares.
        self.expect_numbers("final_accuracy", ("trial",), [0.1, 1e-300] + [NAN] * 6)
        self.expect_numbers("never_reported", ("trial",), [NAN] * 8)

    def test_curves_are_as_long_as_the_longest(self):
        nothing = [NAN] * 4
        curves = [[3, 2, 1.5, NAN], [7, NAN, NAN, NAN], [7, NAN, NAN, NAN]] + [nothing] * 5
        self.expect_numbers("train_loss", ("trial", "epoch"), curves)
        self.expect_numbers("never_reported_curve", ("trial", "epoch"), [nothing] * 8)

    def test_epoch_counts_completed_epochs_from_zero(self):
        self.assertEqual(self.sweep["epoch"].dtype, np.int64)
        self.assertEqual(self.values("epoch"), [0, 1, 2, 3])

    def test_arrays_have_their_own_dimensions(self):
        nothing = [[NAN] * 3] * 2
        full = [[1, 2, 3], [4, 5, 6]]
        corner = [[8, NAN, NAN], [NAN] * 3]
        self.expect_numbers("heatmap", ("trial", "row", "bin"), [full, corner] + [nothing] * 6)
        self.assertEqual(self.values("row"), [0, 1])

    def test_a_variable_along_itself_gives_the_coordinates(self):
        self.expect_numbers("bin", ("bin",), [-0.5, 0.5, 1.5])
        self.assertEqual(self.sweep["bin"].attrs["units"], "m")
        self.assertIn("bin", self.sweep["heatmap"].coords)

    def test_there_is_nothing_else(self):
        self.assertEqual(
            set(self.sweep.variables),
            {"trial", "loss", "seed", "learning_rate", "dataset.nested", "schedule", "momentum"}
            | {"empty", "status", "error", "attempts", "elapsed_s", "rank", "device"}
            | {"final_accuracy", "never_reported", "train_loss", "never_reported_curve"}
            | {"heatmap", "row", "bin", "epoch"},
        )

    def test_every_variable_has_units_and_a_long_name(self):
        for name, variable in self.sweep.variables.items():
            with self.subTest(name):
                self.assertTrue(variable.attrs["units"])
                self.assertTrue(variable.attrs["long_name"])
        self.assertEqual(self.sweep["train_loss"].attrs["units"], "nat")
        self.assertEqual(self.sweep["train_loss"].attrs["long_name"], "mean training loss")

    def test_attributes_tell_where_the_results_come_from(self):
        attributes = self.sweep.attrs
        self.assertEqual(attributes["name"], "Größe")
        self.assertEqual(attributes["study"], "sample")
        self.assertEqual(attributes["config_text"], "name: Größe\n" + "#" * 100_000 + "\n")
        self.assertEqual(attributes["config_resolved"], '{"epochs":3}')
        self.assertEqual(attributes["mpisweep"], "0.1.0")
        self.assertEqual(attributes["git_commit"], "3f2a91c")
        self.assertEqual(attributes["trainer"], "libtorch 2.11.0")
        self.assertEqual(attributes["mpi"], "Open MPI 4.1.4")
        self.assertRegex(attributes["hdf5"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(attributes["command_line"], "mpisweep run größe.yaml")
        self.assertEqual(attributes["started"], "2026-01-02T03:04:05Z")
        self.assertEqual(attributes["ended"], "2026-01-03T04:00:00Z")
        job = {"job_id": "4711", "restarts": 0, "cluster": "", "nodes": "n[1-2]"}
        self.assertEqual(json.loads(attributes["slurm_jobs"]), [job])

    def test_workers_are_summed_over_sessions(self):
        with xarray.open_dataset(PATH, engine=self.engine, group="workers") as workers:
            self.assertEqual(workers["rank"].values.tolist(), [0, 1])
            self.assertEqual(workers["host"].values.tolist(), ["node1", "node2"])
            self.assertEqual(workers["device"].values.tolist(), ["cpu", "cpu"])
            self.assertEqual(workers["gpu"].values.tolist(), ["", "2"])
            self.assertEqual(workers["busy_s"].values.tolist(), [2.5, 1.0])
            self.assertEqual(workers["allocated_s"].values.tolist(), [5.0, 5.0])
            self.assertEqual(workers["utilization"].values.tolist(), [0.5, 0.2])
            self.assertEqual(workers["allocated_s"].attrs["units"], "s")
            self.assertEqual(workers["utilization"].attrs["units"], "1")
            self.assertEqual(workers["packs"].values.tolist(), [2, 4])
            self.assertEqual(workers["trials"].values.tolist(), [4, 6])


class XarrayNetcdf4(Xarray, unittest.TestCase):
    engine = "netcdf4"


class XarrayH5netcdf(Xarray, unittest.TestCase):
    engine = "h5netcdf"


class H5py(unittest.TestCase):
    def setUp(self):
        self.file = h5py.File(PATH)
        self.addCleanup(self.file.close)

    def test_every_dimension_has_a_scale(self):
        for group in (self.file, self.file["workers"]):
            for name, dataset in group.items():
                if isinstance(dataset, h5py.Group) or dataset.is_scale:
                    continue
                for dimension in dataset.dims:
                    with self.subTest(name):
                        self.assertEqual(len(dimension), 1)

    def test_text_is_of_variable_length_and_utf8(self):
        for name in ("trial", "loss", "status", "error", "device"):
            info = h5py.check_string_dtype(self.file[name].dtype)
            self.assertEqual((info.encoding, info.length), ("utf-8", None))
        info = h5py.check_string_dtype(self.file.attrs.get_id("config_text").dtype)
        self.assertEqual((info.encoding, info.length), ("utf-8", None))

    def test_curves_and_arrays_are_compressed_in_chunks_of_whole_trials(self):
        for name, chunk in (("train_loss", (8, 4)), ("heatmap", (8, 2, 3))):
            dataset = self.file[name]
            self.assertEqual(dataset.compression, "gzip")
            self.assertTrue(dataset.shuffle)
            self.assertEqual(dataset.chunks, chunk)

    def test_nan_is_declared_as_missing(self):
        for name in ("final_accuracy", "elapsed_s", "train_loss", "heatmap"):
            self.assertTrue(np.isnan(self.file[name].attrs["_FillValue"][0]))

    def test_no_object_has_a_time(self):
        objects = [self.file["/"], self.file["workers"], *self.file.values()]
        for name, item in [(item.name, item) for item in objects]:
            with self.subTest(name):
                self.assertFalse(item.id.get_create_plist().get_obj_track_times())

    def test_names_come_in_the_order_in_which_they_are_documented(self):
        names = list(self.file)
        self.assertEqual(names[:3], ["trial", "loss", "seed"])
        self.assertEqual(names[-1], "workers")


class ManyTrials(unittest.TestCase):
    """Text is written in blocks of 16,384."""

    COUNT = 40_000

    def test_every_trial_has_its_own_values(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([WRITE_SAMPLE_FOLDER, folder, str(self.COUNT)], check=True)
            with xarray.open_dataset(pathlib.Path(folder) / "results.h5") as file:
                sweep = file.load()
        trials = range(self.COUNT)
        expected = {
            "trial": [f"{i:016x}" for i in trials],
            "seed": list(trials),
            "status": ["finished" if i % 7 else "failed" for i in trials],
            "error": ["" if i % 7 else f"error {i}" for i in trials],
            "device": [f"device {i % 3}" for i in trials],
            "quarter": [i / 4 for i in trials],
        }
        for name, values in expected.items():
            with self.subTest(name):
                self.assertEqual(sweep[name].values.tolist(), values)


class Netcdf4(unittest.TestCase):
    def test_the_c_library_sees_the_same_dimensions(self):
        with netCDF4.Dataset(PATH) as file:
            lengths = {name: len(dimension) for name, dimension in file.dimensions.items()}
            self.assertEqual(lengths, {"trial": 8, "row": 2, "bin": 3, "epoch": 4})
            self.assertEqual(file.data_model, "NETCDF4")
            self.assertEqual(len(file["workers"].dimensions["worker"]), 2)


if __name__ == "__main__":
    unittest.main()
