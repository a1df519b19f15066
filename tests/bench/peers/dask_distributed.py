"""Dask distributed: a local cluster of two processes."""

from distributed import Client, LocalCluster
from workload import grid, report, train

if __name__ == "__main__":
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        report(client.gather(client.map(train, grid(), pure=False)))
