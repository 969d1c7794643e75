"""A guided search finds the best of a small grid and goes on where it was; a cluster gives the rows of one process."""

import os
import signal
from pathlib import Path

import pytest

from hwsim.results.sweep import SweepOutcome
from hwsim.results.sweep_file import Method, Sample, SweepAxis
from hwsim.study.sweep.run import sweep_points
from sweeps import small_sweep

AXES = (
    SweepAxis(fields=("array.rows", "array.cols"), range="4..64+4"),
    SweepAxis(fields="scratchpad.size", range="32 KiB..256 KiB*2"),
    SweepAxis(fields="precision", values=("w8a8", "w4a4")),
)
BEST = ("energy", "area")


def guided(points: int, store: Path | None = None, *, resume: bool = False) -> SweepOutcome:
    pytest.importorskip("optuna")
    sample = Sample(method=Method.GUIDED, points=points, seed=1)
    return sweep_points(small_sweep(axes=AXES, best=BEST, sample=sample), store=store, resume=resume)


def test_a_guided_search_finds_the_best_of_a_grid_with_half_of_its_points() -> None:
    whole = sweep_points(small_sweep(axes=AXES, best=BEST))
    found = guided(64)
    assert whole.size == 128
    assert found.size == 64
    assert len({row.axes for row in found.rows}) == 64
    for ours, theirs in zip(found.answers, whole.answers, strict=True):
        assert (ours.row.axes, ours.row.figures) == (theirs.row.axes, theirs.row.figures)


def test_a_guided_search_goes_on_with_the_same_points(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    store = tmp_path / "sweep.sqlite"

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= 20:
            raise Stop

    sample = Sample(method=Method.GUIDED, points=40, seed=1)
    sweep = small_sweep(axes=AXES, best=BEST, sample=sample)
    with pytest.raises(Stop):
        sweep_points(sweep, store=store, progress=stop)
    assert guided(40, store, resume=True) == guided(40)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_cluster_whose_worker_is_killed_gives_the_rows_of_one_process(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    from hwsim.study.sweep.cluster import on_cluster

    axes = (*AXES[:1], *AXES[2:], SweepAxis(fields="dram.read", range="8 GB/s..64 GB/s*2"))
    sweep = small_sweep(axes=axes)
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        def kill(done: int, total: int) -> None:
            if done >= 20 and not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        found = sweep_points(sweep, elsewhere=on_cluster(cluster.scheduler_address), progress=kill)
    assert killed
    assert found == sweep_points(sweep)
    assert found.open == 0
