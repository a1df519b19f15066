"""Do the signatures of the focus-classification study show in its small sweeps?

Usage: signatures.py MPISWEEP FOLDER [--only NAME...]

Runs each sweep with `mpisweep run` into FOLDER, reads it with `mpisweep export --format json`, and
prints a line per claim: signature, config and setting, what theory or paper says, what was
measured, yes or no. A claim about training is judged for each seed, unless it says otherwise. A
sweep that was run before is not run again. MPISWEEP_DATA names the folder of the data.
Exit codes: 0 every claim that could be judged holds, 1 one does not, or none could be judged.
"""

import argparse
import collections
import json
import math
import pathlib
import statistics
import subprocess
import sys

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"

# What was measured, in words, and whether it is what was expected.
Verdict = collections.namedtuple("Verdict", "measured holds")


# Judges: numbers in, a verdict out.


def judge_crossing(soft, hard, least_lead=0.01):
    """Of two curves of the focus weight: soft leads by `least_lead`, then hard stays ahead."""
    behind = [epoch for epoch in range(len(soft)) if hard[epoch] <= soft[epoch]]
    crossing = behind[-1] + 1 if behind else 0
    lead, leading = max((soft[epoch] - hard[epoch], epoch) for epoch in range(len(soft)))
    ends = f"ends soft {soft[-1]:.3f}, hard {hard[-1]:.3f}"
    if crossing == len(soft):
        return Verdict(f"hard never passes, {ends}", False)
    return Verdict(
        f"soft ahead by {lead:.3f} in epoch {leading}, hard from epoch {crossing} on, {ends}",
        lead >= least_lead and leading < crossing,
    )


def judge_stall(soft, hard):
    """Of two curves of the focus weight: from the middle on, soft has less to add than before."""
    middle = len(soft) // 2
    early, late = soft[middle] - soft[0], soft[-1] - soft[middle]
    return Verdict(
        f"soft gains {early:.3f} in the first half, {late:.3f} in the second; "
        f"from 1 it ends {1 - soft[-1]:.3f} away, hard {1 - hard[-1]:.3f}",
        early > 0 and late < early / 2,
    )


def judge_fixed_soft(losses, pulls, num_classes):
    """Of curves by alpha: losses pass the floor of hard; pulls peak, sooner for larger alpha."""
    alphas = sorted(alpha for alpha in losses if alpha < 1)
    passed = all(losses[a][-1] < (1 - a) * math.log(num_classes) for a in alphas)
    peaks = {a: pulls[a].index(max(pulls[a])) for a in alphas}
    in_order = all(peaks[a] >= peaks[b] for a, b in zip(alphas, alphas[1:]))
    fallen = all(pulls[a][-1] < max(pulls[a]) / 2 for a in alphas if a >= 0.6)
    measured = [
        f"{a}: loss {losses[a][-1]:.3f}, pull {max(pulls[a]):.4f} in epoch {peaks[a]}, "
        f"at the end {pulls[a][-1]:.4f}"
        for a in alphas
    ]
    return Verdict("; ".join(measured), bool(alphas) and passed and in_order and fallen)


def judge_fixed_hard(losses, pulls, num_classes):
    """Of curves by alpha: no loss ends far below the floor; every pull climbs towards its limit."""
    alphas = sorted(alpha for alpha in losses if alpha < 1)
    limit = 0.01 * math.log(num_classes)
    floors = {a: (1 - a) * math.log(num_classes) for a in alphas}
    above = all(losses[a][-1] > floors[a] - 0.15 for a in alphas)
    climbs = all(pulls[a][-1] > 0.9 * max(pulls[a]) for a in alphas)
    arrives = all(limit / 2 < pulls[a][-1] < 1.1 * limit for a in alphas)
    measured = [
        f"{a}: loss {losses[a][-1]:.3f} (floor {floors[a]:.3f}), pull {pulls[a][-1]:.4f}"
        for a in alphas
    ]
    measured.append(f"limit of the pull {limit:.4f}")
    return Verdict("; ".join(measured), bool(alphas) and above and climbs and arrives)


def judge_fixed_lvml(losses, pulls, num_classes):
    """Of curves by alpha: losses end at the floor; pulls climb to a level that falls with alpha."""
    alphas = sorted(alpha for alpha in losses if alpha < 1)
    floors = {a: -math.log(a + (1 - a) / num_classes) for a in alphas}
    at_floor = all(abs(losses[a][-1] - floors[a]) < 0.15 for a in alphas)
    climbs = all(pulls[a][-1] > 0.9 * max(pulls[a]) for a in alphas)
    falls = all(pulls[a][-1] > pulls[b][-1] for a, b in zip(alphas, alphas[1:]))
    measured = [
        f"{a}: loss {losses[a][-1]:.3f} (floor {floors[a]:.3f}), pull {pulls[a][-1]:.4f}"
        for a in alphas
    ]
    return Verdict("; ".join(measured), bool(alphas) and at_floor and climbs and falls)


def unfocused_share(heat_map):
    """Share of points with a_z < 0.4 and s_y > 0.8, of a 5 x 5 map [focus][score] of fractions."""
    return heat_map[0][4] + heat_map[1][4]


def judge_more_unfocused(soft, hard):
    """Of two heat maps: soft is right without focus more often than hard."""
    shares = [unfocused_share(soft), unfocused_share(hard)]
    return Verdict("soft {:.3f}, hard {:.3f}".format(*shares), shares[0] > shares[1])


def judge_lvml_between(soft, lvml, hard):
    """Of the three losses' heat maps: lvml's share right without focus lies between."""
    shares = [unfocused_share(heat_map) for heat_map in (soft, lvml, hard)]
    return Verdict(
        "soft {:.3f}, lvml {:.3f}, hard {:.3f}".format(*shares), shares[0] >= shares[1] >= shares[2]
    )


def judge_greater(name, greater, smaller):
    """Of two (label, value): the first is the greater one."""
    return Verdict(
        f"{name} {greater[0]} {greater[1]:.3f}, {smaller[0]} {smaller[1]:.3f}",
        greater[1] > smaller[1],
    )


def judge_greater_mean(name, greater, smaller):
    """Of two (label, values of the seeds): the first has the greater mean."""
    measured = [
        f"{label} {statistics.mean(values):.4f} ({' '.join(f'{v:.3f}' for v in values)})"
        for label, values in (greater, smaller)
    ]
    return Verdict(
        f"{name} {', '.join(measured)}",
        statistics.mean(greater[1]) > statistics.mean(smaller[1]),
    )


def judge_shared_start(time, gaps, alpha, num_classes, tolerance=0.05):
    """Of mu by loss at one early time: all are alpha t / C within `tolerance`."""
    first_order = alpha * time / num_classes
    ratios = {loss: gap / first_order for loss, gap in gaps.items()}
    measured = ", ".join(f"{loss} {ratio:.4f}" for loss, ratio in ratios.items())
    return Verdict(
        f"mu over alpha t / C at t = {time:g}: {measured}",
        all(abs(ratio - 1) < tolerance for ratio in ratios.values()),
    )


def gap_at_half_rate(times, gaps):
    """The gap where its rate has fallen to half of the first rate; None if it never does."""
    points = list(zip(times, gaps))
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(points, points[1:])]
    slow = next((i for i, rate in enumerate(rates) if rate <= rates[0] / 2), None)
    return None if slow is None else (gaps[slow] + gaps[slow + 1]) / 2


def judge_separation(times, gaps, scale, num_classes, tolerance=0.1):
    """Of a curve mu: its rate has halved when scale * mu is log C, within `tolerance`."""
    gap = gap_at_half_rate(times, gaps)
    if gap is None:
        return Verdict("the rate never halves", False)
    ratio = scale * gap / math.log(num_classes)
    return Verdict(f"{ratio:.3f} log C", abs(ratio - 1) < tolerance)


def judge_hybrid(hybrid, soft, hard):
    """Of three (ftpt, accuracy): hybrid has more ftpt than soft, and at most 2 points less accuracy
    than the better of soft and hard."""
    measured = ", ".join(
        f"{name} ftpt {ftpt:.3f} accuracy {accuracy:.3f}"
        for name, (ftpt, accuracy) in (("soft", soft), ("hard", hard), ("hybrid", hybrid))
    )
    return Verdict(measured, hybrid[0] > soft[0] and hybrid[1] >= max(soft[1], hard[1]) - 0.02)


# Claims: the finished trials of a sweep in, (setting, expected, verdict) out. A trial is an object
# of the export, with `axes` and `values`.


class Missing(Exception):
    """This version does not measure what a claim is about."""


class Unfinished(Exception):
    """A trial that a claim is about diverged or failed, or is not in the grid."""


def value(trial, name):
    found = trial["values"].get(name)
    if found is None:
        raise Missing(f"the sweep stores no {name}")
    return found


def grouped(trials, *apart):
    """Trials by their values of the axes `apart`, in a list of (setting, {values: trial}).

    One entry for each combination of the other axes; the value of a single axis is no tuple.
    """
    found = {}
    for trial in trials:
        axes = dict(trial["axes"])
        key = tuple(axes.pop(axis) for axis in apart)
        setting = ", ".join(f"{name} {axes[name]}" for name in sorted(axes))
        found.setdefault(setting, {})[key if len(key) > 1 else key[0]] = trial
    return list(found.items())


def pick(setting, trials, *keys):
    for key in keys:
        if key not in trials:
            raise Unfinished(f"{setting}: no finished trial with {key}")
    return [trials[key] for key in keys]


def joint_claims(trials):
    for setting, by_loss in grouped(trials, "loss"):
        picked = pick(setting, by_loss, "soft", "hard")
        soft, hard = (value(trial, "train_focus_weight") for trial in picked)
        yield setting, "soft focuses first, hard passes it", judge_crossing(soft, hard)
        yield setting, "soft rises, then stalls", judge_stall(soft, hard)


FIXED_FOCUS = {
    "soft": (judge_fixed_soft, "loss below the floor of hard, pull peaks, sooner for larger alpha"),
    "hard": (judge_fixed_hard, "loss not below (1-alpha) log C, pull climbs to 0.01 log C"),
    "lvml": (judge_fixed_lvml, "loss to -log(alpha+(1-alpha)/C), pull less for larger alpha"),
}


def fixed_focus_claims(trials, num_classes):
    for setting, by_alpha in grouped(trials, "focus"):
        loss = next(iter(by_alpha.values()))["axes"]["loss"]
        judge, expected = FIXED_FOCUS[loss]
        losses = {float(alpha): value(trial, "train_loss") for alpha, trial in by_alpha.items()}
        pulls = {float(alpha): value(trial, "train_pull") for alpha, trial in by_alpha.items()}
        yield setting, expected, judge(losses, pulls, num_classes)


def heat_map_claims(trials):
    rules = {"soft": "blend", "lvml": "mixture", "hard": "argmax"}
    for setting, by_loss in grouped(trials, "loss"):
        picked = pick(setting, by_loss, *rules)
        soft, lvml, hard = (
            value(trial, f"final_train_focus_heatmap_{rule}")
            for trial, rule in zip(picked, rules.values())
        )
        yield setting, "a_z < .4 and s_y > .8 more often for soft", judge_more_unfocused(soft, hard)
        yield setting, "lvml between", judge_lvml_between(soft, lvml, hard)


def ffpt_claims(trials):
    """Compares means over seeds, since training inputs that are known by heart hardly differ."""
    for setting, found in grouped(trials, "loss", "seed"):
        seeds = sorted({seed for _, seed in found})
        soft = pick(setting, found, *(("soft", seed) for seed in seeds))
        hard = pick(setting, found, *(("hard", seed) for seed in seeds))
        for split in ("train", "test"):
            name = f"final_{split}_ffpt"
            of_soft, of_hard = ([value(trial, name) for trial in side] for side in (soft, hard))
            expected = f"{split}: right without focus more often for soft, on the mean"
            verdict = judge_greater_mean("ffpt", ("soft", of_soft), ("hard", of_hard))
            yield setting, expected, verdict


def growth_claims(trials, axis, few, many):
    soft = [trial for trial in trials if trial["axes"]["loss"] == "soft"]
    for setting, by_segments in grouped(soft, axis):
        small, large = (
            (f"{axis} {trial['axes'][axis]}", value(trial, "final_train_ffpt"))
            for trial in pick(setting, by_segments, few, many)
        )
        yield setting, "ffpt of soft grows with m", judge_greater("ffpt", large, small)


def time_claims(trials, num_classes, segments):
    for setting, by_loss in grouped(trials, "loss"):
        soft, hard, lvml = pick(setting, by_loss, "soft", "hard", "lvml")
        focus = soft["axes"]["focus"]
        alpha = 1 / segments if focus == "joint" else float(focus)
        times = value(soft, "t")
        gaps = {trial["axes"]["loss"]: value(trial, "mu") for trial in (soft, hard, lvml)}
        start = {loss: mu[1] for loss, mu in gaps.items()}
        verdict = judge_shared_start(times[1], start, alpha, num_classes)
        yield setting, "one first-order start", verdict
        if focus == "joint":
            continue
        verdict = judge_separation(times, gaps["hard"], 1, num_classes)
        yield setting, "the rate of hard halves when mu is log C", verdict
        verdict = judge_separation(times, gaps["soft"], alpha, num_classes)
        yield setting, "the rate of soft halves when alpha mu is log C", verdict


def schedule_name(phases):
    losses = [phase["loss"] for phase in phases]
    return losses[0] if len(losses) == 1 else "hybrid"


def hybrid_claims(trials):
    named = [
        {**trial, "axes": {**trial["axes"], "phases": schedule_name(trial["axes"]["phases"])}}
        for trial in trials
    ]
    for setting, by_schedule in grouped(named, "phases"):
        picked = pick(setting, by_schedule, "hybrid", "soft", "hard")
        for split in ("train", "test"):
            expected = f"{split}: more ftpt than soft at like accuracy"
            names = [f"final_{split}_ftpt", f"final_{split}_accuracy"]
            counts = [[value(trial, name) for name in names] for trial in picked]
            yield setting, expected, judge_hybrid(*counts)


# Checks: which sweep is judged by which claims.

Check = collections.namedtuple("Check", "signature name config settings claims")

# Steps of 2 %: fine enough to see where a rate halves.
FLOW_TIMES = [0] + [round(1.02**step, 6) for step in range(600)]
FLOW_SETTINGS = [f"times={json.dumps(FLOW_TIMES)}", "segments=20", "classes=20"]


def growth_to_50_claims(trials):
    return growth_claims(trials, "dataset.segments", 5, 50)


PUBLISHED_RATES = {"soft": 0.05, "hard": 0.01, "lvml": 0.05}  # fixed focus, linear data


def linear_fixed_focus_claims(trials):
    def is_published(axes):
        return axes["learning_rate"] == PUBLISHED_RATES[axes["loss"]]

    published = [trial for trial in trials if is_published(trial["axes"])]
    return fixed_focus_claims(published, num_classes=20)


def mosaic_fixed_focus_claims(trials):
    return fixed_focus_claims(trials, num_classes=3)


def flow_claims(trials):
    return time_claims(trials, num_classes=20, segments=20)


CHECKS = [
    Check(1, "joint", "mnist_mosaics_small", [], joint_claims),
    Check(1, "joint", "cifar10_mosaics_small", [], joint_claims),
    Check(2, "fixed_focus", "fixed_focus_linear_small", [], linear_fixed_focus_claims),
    Check(2, "fixed_focus", "fixed_focus_mnist_small", [], mosaic_fixed_focus_claims),
    Check(3, "heat_map", "mnist_mosaics_small", [], heat_map_claims),
    Check(3, "heat_map", "cifar10_mosaics_small", [], heat_map_claims),
    Check(3, "ffpt", "mnist_mosaics_small", [], ffpt_claims),
    Check(3, "ffpt", "cifar10_mosaics_small", [], ffpt_claims),
    Check(3, "growth", "mnist_segments_small", [], growth_to_50_claims),
    Check(4, "time", "gradient_flow", FLOW_SETTINGS, flow_claims),
    Check(5, "hybrid", "mnist_hybrid_small", [], hybrid_claims),
    Check(5, "hybrid", "cifar10_hybrid_small", [], hybrid_claims),
]


def finished_trials(args, config, settings):
    """The finished trials of a sweep, which is run first."""
    output = args.folder / config
    command = [args.mpisweep, "run", CONFIGS / f"{config}.yaml", "--output", output]
    if args.ranks:
        command += ["--ranks", str(args.ranks)]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, check=True, stdout=sys.stderr)
    export = [args.mpisweep, "export", output, "--format", "json"]
    text = subprocess.run(export, check=True, stdout=subprocess.PIPE).stdout
    return [trial for trial in json.loads(text) if trial["status"] == "finished"]


def judged(check, args):
    """Prints the lines of one check; a list of true and false, one for each verdict."""
    start = f"signature {check.signature} | {check.name} | {check.config}"
    if not (CONFIGS / f"{check.config}.yaml").exists():
        print(f"{start} | skipped: configs/{check.config}.yaml is not there", flush=True)
        return []
    holds = []
    try:
        for setting, expected, verdict in check.claims(
            finished_trials(args, check.config, check.settings)
        ):
            answer = "yes" if verdict.holds else "no"
            print(f"{start} | {setting} | {expected} | {verdict.measured} | {answer}", flush=True)
            holds.append(verdict.holds)
    except Missing as missing:
        print(f"{start} | skipped: {missing}", flush=True)
    except Unfinished as unfinished:
        print(f"{start} | {unfinished} | no", flush=True)
        holds.append(False)
    except subprocess.CalledProcessError as error:
        problem = f"mpisweep {error.cmd[1]} ended with exit code {error.returncode}"
        print(f"{start} | {problem} | no", flush=True)
        holds.append(False)
    return holds


def main():
    names = sorted({check.name for check in CHECKS})
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("mpisweep", help="the program")
    parser.add_argument("folder", type=pathlib.Path, help="where the sweeps go, a folder for each")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME",
                        help=", ".join(names))
    parser.add_argument("--ranks", type=int, help="MPI ranks of each sweep")
    args = parser.parse_args()
    holds = [h for check in CHECKS if check.name in args.only for h in judged(check, args)]
    return 0 if holds and all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
