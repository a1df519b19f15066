"""joblib: two processes of its loky pool, which stay warm from trial to trial."""

from joblib import Parallel, delayed
from workload import grid, report, train

report(Parallel(n_jobs=2)(delayed(train)(trial) for trial in grid()))
