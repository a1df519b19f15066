"""Optuna: its grid sampler, two threads of one process, studies in memory."""

import optuna
from workload import LEARNING_RATES, LOSSES, SEEDS, Trial, report, train

SPACE = {"loss": LOSSES, "learning_rate": LEARNING_RATES, "seed": SEEDS}


def objective(trial):
    point = {name: trial.suggest_categorical(name, values) for name, values in SPACE.items()}
    result = train(Trial(**point))
    trial.set_user_attr("result", result)
    return result["curves"][-1][0]


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.GridSampler(SPACE))
study.optimize(objective, n_jobs=2)
report([trial.user_attrs["result"] for trial in study.trials])
