"""One trial after the other in one process."""

from workload import grid, report, train

report([train(trial) for trial in grid()])
