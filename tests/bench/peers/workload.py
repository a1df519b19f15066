"""The sweep that every peer runs, and its trial in plain PyTorch: one at a time, on one thread.

96 trials: three losses of attention over mosaics, four learning rates, eight seeds. A mosaic has
nine segments of which one is of a foreground class, which is the label. One network weighs the
segments, another classifies; both are trained together.
"""

import dataclasses
import functools
import json
import time

import numpy as np
import torch
from torch import nn

NUM_CLASSES = 10  # of foregrounds, and as many of backgrounds
NUM_FEATURES = 64
NUM_SEGMENTS = 9
NUM_MOSAICS = 2000
SCALE, NOISE = 0.6, 0.5  # of class means, and of samples around them
HIDDEN = 50
BATCH = 200
EPOCHS = 20

LOSSES = ("soft", "hard", "lvml")
LEARNING_RATES = (0.003, 0.01, 0.03, 0.1)
SEEDS = tuple(range(8))


@dataclasses.dataclass(frozen=True)
class Trial:
    loss: str
    learning_rate: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Data:
    mosaics: torch.Tensor  # [N, m, d]
    labels: torch.Tensor  # [N]
    positions: torch.Tensor  # [N], the foreground's segment


def grid():
    return [Trial(loss, rate, seed) for loss in LOSSES for rate in LEARNING_RATES for seed in SEEDS]


@functools.cache
def data():
    """Made once in each process."""
    rng = np.random.default_rng(0)
    foregrounds = SCALE * rng.standard_normal((NUM_CLASSES, NUM_FEATURES))
    backgrounds = SCALE * rng.standard_normal((NUM_CLASSES, NUM_FEATURES))
    labels = rng.integers(NUM_CLASSES, size=NUM_MOSAICS)
    positions = rng.integers(NUM_SEGMENTS, size=NUM_MOSAICS)
    mosaics = backgrounds[rng.integers(NUM_CLASSES, size=(NUM_MOSAICS, NUM_SEGMENTS))]
    mosaics[np.arange(NUM_MOSAICS), positions] = foregrounds[labels]
    mosaics += NOISE * rng.standard_normal(mosaics.shape)
    return Data(
        torch.tensor(mosaics, dtype=torch.float32), torch.tensor(labels), torch.tensor(positions)
    )


class AttentionModel(nn.Module):
    """Scores of the segments [B, m], and log probabilities of the classes.

    Of the blended segments [B, C] for the soft loss, else of each segment [B, m, C].
    """

    def __init__(self, loss):
        super().__init__()
        self.blends = loss == "soft"
        self.focus = nn.Sequential(
            nn.Linear(NUM_FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1)
        )
        self.classifier = nn.Sequential(
            nn.Linear(NUM_FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, NUM_CLASSES)
        )

    def forward(self, mosaics):
        scores = self.focus(mosaics).squeeze(-1)
        if self.blends:
            weights = scores.softmax(dim=-1)
            mosaics = (weights.unsqueeze(-1) * mosaics).sum(dim=-2)
        return scores, self.classifier(mosaics).log_softmax(dim=-1)


def mean_loss(loss, scores, log_p, labels):
    if loss == "soft":
        return nn.functional.nll_loss(log_p, labels)
    index = labels[:, None, None].expand(-1, NUM_SEGMENTS, 1)
    log_p_label = log_p.gather(-1, index).squeeze(-1)  # [B, m]
    if loss == "hard":
        return -(scores.softmax(dim=-1) * log_p_label).sum(dim=-1).mean()
    return -torch.logsumexp(scores.log_softmax(dim=-1) + log_p_label, dim=-1).mean()


def predict(loss, scores, log_p):
    if loss == "soft":
        return log_p.argmax(dim=-1)
    if loss == "hard":
        attended = scores.argmax(dim=-1)[:, None, None]
        return torch.take_along_dim(log_p, attended, dim=-2).squeeze(-2).argmax(dim=-1)
    return (scores.softmax(dim=-1).unsqueeze(-1) * log_p.exp()).sum(dim=-2).argmax(dim=-1)


def metrics(loss, scores, log_p, labels, positions):
    """Loss, accuracy, weight on the foreground, and four fractions by focus and prediction."""
    weights = scores.softmax(dim=-1)
    focused = scores.argmax(dim=-1) == positions
    correct = predict(loss, scores, log_p) == labels
    means = (focused & correct, ~focused & correct, focused & ~correct, ~focused & ~correct)
    return torch.stack(
        [
            mean_loss(loss, scores, log_p, labels),
            correct.float().mean(),
            weights.gather(-1, positions.unsqueeze(-1)).mean(),
            *(mean.float().mean() for mean in means),
        ]
    )


def measure(model, loss):
    """Over the training set."""
    whole = data()
    with torch.no_grad():
        return metrics(loss, *model(whole.mosaics), whole.labels, whole.positions).tolist()


def train(trial):
    """Trains one trial. Returns its curves, and when it began and ended."""
    torch.set_num_threads(1)
    whole = data()
    began = time.time()
    torch.manual_seed(trial.seed)
    model = AttentionModel(trial.loss)
    optimizer = torch.optim.Adam(model.parameters(), lr=trial.learning_rate)
    curves = [measure(model, trial.loss)]
    for _ in range(EPOCHS):
        for mosaics, labels in zip(whole.mosaics.split(BATCH), whole.labels.split(BATCH)):
            optimizer.zero_grad()
            mean_loss(trial.loss, *model(mosaics), labels).backward()
            optimizer.step()
        curves.append(measure(model, trial.loss))
    return {"curves": curves, "began": began, "ended": time.time()}


def report(results):
    """Prints how long the trials took, from the first one's beginning to the last one's end."""
    finals = np.array([result["curves"][-1] for result in results])
    accuracies, weights = finals[:, 1], finals[:, 2]
    warm_s = max(result["ended"] for result in results) - min(result["began"] for result in results)
    line = {
        "trials": len(results),
        "warm_s": warm_s,
        "accuracy": accuracies.mean(),
        "focus_weight": weights.mean(),
    }
    print(json.dumps(line), flush=True)
