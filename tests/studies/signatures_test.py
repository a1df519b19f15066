"""The judges of signatures.py, on numbers made by hand and on closed forms of the theory."""

import contextlib
import io
import json
import math
import pathlib
import tempfile
import types
import unittest

import signatures
from signatures import Check, Missing, Unfinished


def trial(values=None, **axes):
    return {"status": "finished", "axes": axes, "values": values or {}}


def verdicts(claims):
    return [(setting, verdict.holds) for setting, _, verdict in claims]


class Crossing(unittest.TestCase):
    def judge(self, soft, hard):
        return signatures.judge_crossing(soft, hard)

    def test_soft_first_then_hard_holds(self):
        verdict = self.judge([0.2, 0.5, 0.6, 0.7], [0.2, 0.3, 0.7, 0.9])

        self.assertTrue(verdict.holds)
        self.assertEqual(
            verdict.measured,
            "soft ahead by 0.200 in epoch 1, hard from epoch 2 on, ends soft 0.700, hard 0.900",
        )

    def test_the_last_of_several_crossings_counts(self):
        verdict = self.judge([0.2, 0.5, 0.6, 0.8, 0.8], [0.2, 0.3, 0.7, 0.7, 0.9])

        self.assertIn("hard from epoch 4 on", verdict.measured)

    def test_hard_that_is_never_behind_is_no(self):
        self.assertFalse(self.judge([0.2, 0.3, 0.4], [0.2, 0.4, 0.5]).holds)

    def test_a_lead_too_small_to_tell_is_no(self):
        self.assertFalse(self.judge([0.2, 0.305, 0.4], [0.2, 0.3, 0.5]).holds)

    def test_hard_that_ends_behind_is_no(self):
        verdict = self.judge([0.2, 0.5, 0.7], [0.2, 0.3, 0.7])

        self.assertFalse(verdict.holds)
        self.assertIn("hard never passes", verdict.measured)


class Stall(unittest.TestCase):
    def test_a_rise_that_slows_down_is_a_stall(self):
        self.assertTrue(signatures.judge_stall([0.2, 0.6, 0.7, 0.72, 0.75], [0.2] * 5).holds)

    def test_an_even_rise_is_none(self):
        self.assertFalse(signatures.judge_stall([0.2, 0.3, 0.4, 0.5, 0.6], [0.2] * 5).holds)

    def test_no_rise_is_none(self):
        self.assertFalse(signatures.judge_stall([0.2, 0.2, 0.2, 0.2, 0.2], [0.2] * 5).holds)


class FixedFocus(unittest.TestCase):
    """Losses and pulls of a reference run on linear data of 20 classes at the published rates, read
    off in epochs 0, 10, 20, 50 and 100."""

    soft_losses = {
        0.2: [3.003, 2.825, 2.640, 2.120, 1.407],
        0.4: [3.006, 2.336, 1.704, 0.632, 0.219],
        0.6: [3.010, 1.627, 0.756, 0.184, 0.071],
        0.8: [3.014, 0.932, 0.314, 0.083, 0.035],
        1.0: [3.018, 0.484, 0.158, 0.047, 0.021],
    }
    soft_pulls = {
        0.2: [-0.0001, 0.0084, 0.0175, 0.0417, 0.0677],
        0.4: [-0.0001, 0.0160, 0.0293, 0.0351, 0.0204],
        0.6: [-0.0002, 0.0204, 0.0246, 0.0123, 0.0061],
        0.8: [-0.0002, 0.0188, 0.0130, 0.0052, 0.0026],
        1.0: [0, 0, 0, 0, 0],
    }
    hard_losses = {
        0.2: [3.005, 2.964, 2.926, 2.822, 2.679],
        0.4: [3.008, 2.866, 2.723, 2.367, 2.049],
        0.6: [3.012, 2.702, 2.398, 1.760, 1.402],
        0.8: [3.015, 2.477, 1.969, 1.107, 0.774],
        1.0: [3.018, 2.193, 1.457, 0.453, 0.158],
    }
    hard_pulls = {
        0.2: [-0.0002, 0.0016, 0.0034, 0.0086, 0.0158],
        0.4: [-0.0002, 0.0032, 0.0068, 0.0157, 0.0236],
        0.6: [-0.0002, 0.0049, 0.0099, 0.0206, 0.0265],
        0.8: [-0.0002, 0.0065, 0.0128, 0.0236, 0.0278],
        1.0: [0, 0, 0, 0, 0],
    }
    lvml_losses = {
        0.2: [3.003, 2.648, 1.866, 1.492, 1.451],
        0.4: [3.006, 1.729, 1.068, 0.897, 0.866],
        0.6: [3.010, 1.128, 0.662, 0.528, 0.500],
        0.8: [3.014, 0.752, 0.378, 0.259, 0.232],
        1.0: [3.018, 0.484, 0.158, 0.047, 0.021],
    }
    lvml_pulls = {
        0.2: [-0.0001, 0.0144, 0.0332, 0.0381, 0.0385],
        0.4: [-0.0001, 0.0177, 0.0211, 0.0217, 0.0218],
        0.6: [-0.0002, 0.0140, 0.0149, 0.0151, 0.0152],
        0.8: [-0.0002, 0.0111, 0.0115, 0.0116, 0.0116],
        1.0: [0, 0, 0, 0, 0],
    }

    def test_each_loss_holds_for_itself(self):
        soft = signatures.judge_fixed_soft(self.soft_losses, self.soft_pulls, 20)
        hard = signatures.judge_fixed_hard(self.hard_losses, self.hard_pulls, 20)
        lvml = signatures.judge_fixed_lvml(self.lvml_losses, self.lvml_pulls, 20)

        self.assertEqual([soft.holds, hard.holds, lvml.holds], [True, True, True])
        self.assertIn("0.6: loss 0.071, pull 0.0246 in epoch 2, at the end 0.0061", soft.measured)
        self.assertIn("0.2: loss 2.679 (floor 2.397), pull 0.0158", hard.measured)
        self.assertIn("0.4: loss 0.866 (floor 0.844), pull 0.0218", lvml.measured)

    def test_no_loss_holds_for_another(self):
        by_loss = {
            "soft": (self.soft_losses, self.soft_pulls),
            "hard": (self.hard_losses, self.hard_pulls),
            "lvml": (self.lvml_losses, self.lvml_pulls),
        }
        for loss, (judge, _) in signatures.FIXED_FOCUS.items():
            for other in by_loss.keys() - {loss}:
                with self.subTest(judge=loss, curves=other):
                    self.assertFalse(judge(*by_loss[other], 20).holds)

    def test_nothing_to_judge_does_not_hold(self):
        for judge, _ in signatures.FIXED_FOCUS.values():
            self.assertFalse(judge({}, {}, 20).holds)

    def test_claims_take_the_curves_by_loss_and_alpha(self):
        def trials(loss, losses, pulls):
            return [
                trial(
                    {"train_loss": losses[a], "train_pull": pulls[a]}, loss=loss, focus=a, seed=12
                )
                for a in losses
            ]

        soft = trials("soft", self.soft_losses, self.soft_pulls)
        hard = trials("hard", self.soft_losses, self.soft_pulls)  # the wrong curves

        self.assertEqual(
            verdicts(signatures.fixed_focus_claims(soft + hard, 20)),
            [("loss soft, seed 12", True), ("loss hard, seed 12", False)],
        )


class HeatMap(unittest.TestCase):
    soft = [[0, 0, 0, 0, 0.1], [0, 0, 0, 0, 0.2], [0.1] * 5, [0] * 5, [0, 0, 0, 0, 0.2]]
    lvml = [[0, 0, 0, 0, 0.1], [0] * 5, [0] * 5, [0] * 5, [0, 0, 0, 0, 0.9]]
    hard = [[0.4, 0, 0, 0, 0], [0] * 5, [0] * 5, [0] * 5, [0, 0, 0, 0.1, 0.5]]

    def test_the_share_is_that_of_the_two_lowest_focus_bins_and_the_highest_score(self):
        self.assertAlmostEqual(signatures.unfocused_share(self.soft), 0.3)
        self.assertEqual(signatures.unfocused_share(self.hard), 0)

    def test_claims_read_each_loss_under_its_own_rule(self):
        def trials(soft, lvml, hard):
            return [
                trial({"final_train_focus_heatmap_blend": soft}, loss="soft"),
                trial({"final_train_focus_heatmap_mixture": lvml}, loss="lvml"),
                trial({"final_train_focus_heatmap_argmax": hard}, loss="hard"),
            ]

        def holds(*maps):
            return [verdict.holds for _, _, verdict in signatures.heat_map_claims(trials(*maps))]

        self.assertEqual(holds(self.soft, self.lvml, self.hard), [True, True])
        self.assertEqual(holds(self.lvml, self.soft, self.hard), [True, False])
        self.assertEqual(holds(self.hard, self.lvml, self.soft), [False, False])
        self.assertEqual(holds(self.hard, self.hard, self.hard), [False, True])

    def test_a_sweep_without_maps_is_missing_them(self):
        trials = [trial(loss=loss) for loss in ("soft", "lvml", "hard")]

        with self.assertRaisesRegex(Missing, "stores no final_train_focus_heatmap_blend"):
            list(signatures.heat_map_claims(trials))


class Counts(unittest.TestCase):
    def test_ffpt_of_soft_must_exceed_that_of_hard_on_the_mean_over_seeds(self):
        def of(loss, seed, train, test):
            values = {"final_train_ffpt": train, "final_test_ffpt": test}
            return trial(values, loss=loss, seed=seed, rate=0.1)

        soft = [of("soft", 12, 0.2, 0.1), of("soft", 13, 0.1, 0.3)]
        hard = [of("hard", 12, 0.1, 0.3), of("hard", 13, 0.125, 0.1)]

        claims = list(signatures.ffpt_claims(soft + hard))

        self.assertEqual(verdicts(claims), [("rate 0.1", True), ("rate 0.1", False)])
        self.assertEqual(
            claims[0][2].measured, "ffpt soft 0.1500 (0.200 0.100), hard 0.1125 (0.100 0.125)"
        )

    def test_growth_compares_the_same_seed_of_soft(self):
        trials = [
            trial({"final_train_ffpt": ffpt}, loss=loss, seed=seed, dataset=dataset)
            for loss, seed, dataset, ffpt in [
                ("soft", 12, "m5", 0.1), ("soft", 12, "m20", 0.2), ("hard", 12, "m20", 0.0),
                ("soft", 13, "m5", 0.3), ("soft", 13, "m20", 0.2), ("hard", 12, "m5", 0.9),
            ]
        ]  # fmt: skip

        self.assertEqual(
            verdicts(signatures.growth_claims(trials, "dataset", "m5", "m20")),
            [("loss soft, seed 12", True), ("loss soft, seed 13", False)],
        )

    def test_a_loss_without_finished_trial_is_told(self):
        with self.assertRaisesRegex(Unfinished, "no finished trial with .*hard"):
            list(signatures.ffpt_claims([trial(loss="soft", seed=12)]))


def time_of_gap(gap, alpha, scale, num_classes):
    """When the gap of a fixed focus is reached: hard with scale 1, soft with scale alpha."""
    x = scale * gap
    return (math.expm1(x) / scale + (num_classes - 1) * gap) / alpha


class Time(unittest.TestCase):
    def judge(self, alpha, scale, claimed_scale, num_classes=20):
        gaps = [0.01 * i for i in range(4000)]
        gaps = [gap for gap in gaps if scale * gap < 8]
        times = [time_of_gap(gap, alpha, scale, num_classes) for gap in gaps]
        return signatures.judge_separation(times, gaps, claimed_scale, num_classes)

    def test_the_rate_halves_at_the_logarithm_of_one_more_class(self):
        # rate = alpha / (e^x + C - 1) is half of alpha / C where e^x = C + 1
        ratio = math.log(21) / math.log(20)

        verdict = self.judge(alpha=0.2, scale=1, claimed_scale=1)

        self.assertTrue(verdict.holds)
        self.assertAlmostEqual(float(verdict.measured.split()[0]), ratio, delta=0.005)

    def test_soft_bends_later_by_alpha(self):
        self.assertTrue(self.judge(alpha=0.2, scale=0.2, claimed_scale=0.2).holds)
        self.assertFalse(self.judge(alpha=0.2, scale=0.2, claimed_scale=1).holds)

    def test_a_rate_that_stays_is_no(self):
        verdict = signatures.judge_separation([0, 1, 2], [0, 0.1, 0.2], 1, 20)

        self.assertEqual(verdict, ("the rate never halves", False))

    def test_all_three_must_share_the_start(self):
        start = {"soft": 0.00995, "hard": 0.0099, "lvml": 0.0103}  # alpha t / C is 0.01

        self.assertTrue(signatures.judge_shared_start(1, start, 0.2, 20).holds)
        start["lvml"] = 0.011
        self.assertFalse(signatures.judge_shared_start(1, start, 0.2, 20).holds)


class Hybrid(unittest.TestCase):
    def judge(self, hybrid, soft=(0.7, 0.95), hard=(0.8, 0.9)):
        return signatures.judge_hybrid(hybrid, soft, hard).holds

    def test_more_focus_at_like_accuracy_holds(self):
        self.assertTrue(self.judge((0.75, 0.96)))
        self.assertTrue(self.judge((0.75, 0.935)))

    def test_no_more_focus_is_no(self):
        self.assertFalse(self.judge((0.7, 0.96)))

    def test_two_points_less_accuracy_than_the_better_is_no(self):
        self.assertFalse(self.judge((0.9, 0.925)))
        self.assertFalse(self.judge((0.9, 0.95), hard=(0.8, 0.98)))

    def test_claims_know_the_schedules(self):
        def of(phases, *counts):
            names = ["train_ftpt", "train_accuracy", "test_ftpt", "test_accuracy"]
            values = {f"final_{name}": count for name, count in zip(names, counts)}
            return trial(values, phases=phases, seed=12)

        soft, hard = {"loss": "soft", "epochs": 4}, {"loss": "hard", "epochs": 4}
        trials = [
            of([soft], 0.7, 0.9, 0.6, 0.8),
            of([hard], 0.9, 0.9, 0.8, 0.8),
            of([soft, hard], 0.8, 0.9, 0.6, 0.8),
        ]

        self.assertEqual(
            verdicts(signatures.hybrid_claims(trials)), [("seed 12", True), ("seed 12", False)]
        )


class Judged(unittest.TestCase):
    """One check, with a script in place of mpisweep that knows two trials."""

    trials = [
        {"status": "finished", "axes": {"loss": "soft"}, "values": {"final_train_accuracy": 1}},
        {"status": "diverged", "axes": {"loss": "hard"}, "values": {}},
    ]

    def lines(self, claims, config="quickstart", exit_code=0):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = pathlib.Path(folder.name) / "mpisweep"
        export = f"test $1 = export && echo '{json.dumps(self.trials)}'"
        program.write_text(f"#!/bin/sh\n{export}\nexit {exit_code}\n")
        program.chmod(0o755)
        args = types.SimpleNamespace(mpisweep=program, folder=program.parent, ranks=None)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.holds = signatures.judged(Check(9, "name", config, [], claims), args)
        return printed.getvalue()

    def test_a_verdict_is_a_line(self):
        def claims(trials):
            yield "loss soft", "full marks", signatures.Verdict(f"{len(trials)} trial", True)
            yield "loss soft", "no marks", signatures.Verdict("1", False)

        lines = self.lines(claims).splitlines()

        start = "signature 9 | name | quickstart | loss soft | "
        self.assertEqual(lines[0], start + "full marks | 1 trial | yes")
        self.assertEqual(lines[1], start + "no marks | 1 | no")
        self.assertEqual(self.holds, [True, False])

    def test_a_variable_that_is_not_there_is_skipped(self):
        lines = self.lines(lambda trials: [signatures.value(trials[0], "train_pull")])

        self.assertIn("skipped: the sweep stores no train_pull", lines)
        self.assertEqual(self.holds, [])

    def test_a_config_that_is_not_there_is_skipped(self):
        lines = self.lines(None, config="no_such_config")

        self.assertIn("skipped: configs/no_such_config.yaml is not there", lines)
        self.assertEqual(self.holds, [])

    def test_a_trial_that_did_not_finish_is_no(self):
        self.assertIn("no finished trial with hard | no", self.lines(signatures.joint_claims))
        self.assertEqual(self.holds, [False])

    def test_a_sweep_that_fails_is_no(self):
        lines = self.lines(signatures.joint_claims, exit_code=3)

        self.assertIn("mpisweep run ended with exit code 3 | no", lines)
        self.assertEqual(self.holds, [False])


if __name__ == "__main__":
    unittest.main()
