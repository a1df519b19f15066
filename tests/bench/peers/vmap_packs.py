"""torch.func.vmap: the eight seeds of a loss and a rate train as one model, in two processes."""

import concurrent.futures
import itertools
import time

import torch
from torch.func import functional_call, stack_module_state, vmap
from workload import (
    BATCH,
    EPOCHS,
    LEARNING_RATES,
    LOSSES,
    SEEDS,
    AttentionModel,
    data,
    mean_loss,
    metrics,
    report,
)


def initial_model(loss, seed):
    torch.manual_seed(seed)
    return AttentionModel(loss)


def train_pack(loss, learning_rate):
    """Adam works element by element, so it serves the stacked weights as they are."""
    torch.set_num_threads(1)
    whole = data()
    began = time.time()
    models = [initial_model(loss, seed) for seed in SEEDS]
    weights, _ = stack_module_state(models)

    def loss_of(weights, mosaics, labels):
        return mean_loss(loss, *functional_call(models[0], weights, (mosaics,)), labels)

    def metrics_of(weights):
        outputs = functional_call(models[0], weights, (whole.mosaics,))
        return metrics(loss, *outputs, whole.labels, whole.positions)

    def measure():
        with torch.no_grad():
            return vmap(metrics_of)(weights)

    optimizer = torch.optim.Adam(weights.values(), lr=learning_rate)
    losses_of = vmap(loss_of, in_dims=(0, None, None))
    curves = [measure()]
    for _ in range(EPOCHS):
        for mosaics, labels in zip(whole.mosaics.split(BATCH), whole.labels.split(BATCH)):
            optimizer.zero_grad()
            losses_of(weights, mosaics, labels).sum().backward()
            optimizer.step()
        curves.append(measure())
    ended = time.time()
    return [
        {"curves": curve, "began": began, "ended": ended}
        for curve in torch.stack(curves, dim=1).tolist()
    ]


if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        packs = executor.map(train_pack, *zip(*itertools.product(LOSSES, LEARNING_RATES)))
        report(list(itertools.chain.from_iterable(packs)))
