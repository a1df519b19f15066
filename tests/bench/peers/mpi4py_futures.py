"""mpi4py.futures: `mpiexec -n 3 python -m mpi4py.futures mpi4py_futures.py`, two workers."""

from mpi4py.futures import MPIPoolExecutor
from workload import grid, report, train

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        report(list(executor.map(train, grid())))
