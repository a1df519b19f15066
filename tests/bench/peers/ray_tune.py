"""Ray Tune: one step per trial, and actors that stay from trial to trial."""

import tempfile

import ray
from ray import tune
from workload import LEARNING_RATES, LOSSES, SEEDS, Trial, report, train


class TrainTrial(tune.Trainable):
    def setup(self, config):
        self.trial = Trial(**config)

    def reset_config(self, config):
        self.setup(config)
        return True

    def step(self):
        return {**train(self.trial), "done": True}


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
space = {"loss": LOSSES, "learning_rate": LEARNING_RATES, "seed": SEEDS}
with tempfile.TemporaryDirectory() as folder:
    tuner = tune.Tuner(
        TrainTrial,
        param_space={name: tune.grid_search(list(values)) for name, values in space.items()},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(
            storage_path=folder,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    results = tuner.fit()
    if results.errors:
        raise results.errors[0]
    report([result.metrics for result in results])
