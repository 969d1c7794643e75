"""A sweep of many points with its store, on two processes: points a second, beside single runs of some of them."""

import os
import random
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.planner import median
from benchmarks.sweep import ARRAYS, BANDWIDTHS, BUFFERS, DATAFLOWS, ENCODER, PRECISIONS, SIZES
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.inputs.sweeps import OpenedSweep, sweep_of
from hwsim.mapping.plan_store import PlanStore
from hwsim.results.headline_figures import Headline, headline_of
from hwsim.results.sweep_file import SweepAxis, SweepFile
from hwsim.study.simulate import simulate
from hwsim.study.sweep.evaluate import Evaluator, Figures
from hwsim.study.sweep.points import SweepPoints
from hwsim.study.sweep.run import fill, store_for

WHOLE = 10_368
GROUPS = int(os.environ.get("HWSIM_GROUPS", "12"))
"""Groups of 24 points that share an array, a dataflow, a bandwidth and a precision; 432 are the whole grid."""
WORKERS = 2
CHECKED = 6
"""Points that are also run alone."""


def report() -> None:
    """Prints points a second, and what a point takes beside a run of it alone."""
    sweep = grid(GROUPS)
    points = SweepPoints(sweep)
    places = points.chosen()
    evaluator = Evaluator(sweep)
    list(evaluator.run(places[:1]))  # kernels are loaded, and the workload has its tables
    with TemporaryDirectory() as folder, store_for(sweep, Path(folder) / "grid.sqlite") as store:
        start, before = time.perf_counter(), cpu()
        fill(sweep, store, workers=WORKERS)
        wall, spent = time.perf_counter() - start, cpu() - before
        rows = {one.place: one.found for one in store.points()}
    alone = []
    for place in random.Random(3).sample(places, CHECKED):
        chip, work = evaluator.point(place)
        start = time.process_time()
        result = simulate(chip, work, plans=PlanStore())
        alone.append(time.process_time() - start)
        headline = headline_of(result)
        found = rows[place]
        assert isinstance(found, Figures)
        assert found[:2] == (result.summary.cycles, result.summary.energy_aj)
        assert found.headline == tuple(float(headline[figure]) for figure in Headline)
    each = spent / len(places)
    print(f"\nA sweep of Conformer-M's encoder, 10 s, with its store: {len(places):,} points, {WORKERS} processes")
    print(f"  wall, processes started   {wall:9.1f} s  {len(places) / wall:7.1f} points/s")
    print(f"  so {WHOLE:,} points take   {wall * WHOLE / len(places):9.0f} s")
    print(f"  a point, CPU              {1e3 * each:9.1f} ms")
    print(f"  a run alone, CPU          {1e3 * median(alone):9.1f} ms {median(alone) / each:7.1f} x")
    print(f"  {CHECKED} drawn points equal single runs in every figure")


def cpu() -> float:
    """CPU seconds of this process and of those that it has started and that have ended."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in (own, ended))


def grid(groups: int) -> OpenedSweep:
    """So many drawn groups of the grid."""
    drawn = random.Random(7)
    kinds = [
        (p, rows, cols, flow, rate)
        for p in PRECISIONS
        for rows, cols in ARRAYS
        for flow in DATAFLOWS
        for rate in BANDWIDTHS
    ]
    chosen = tuple(
        (precision, rows, cols, flow, f"{rate} GB/s", f"{rate} GB/s")
        for precision, rows, cols, flow, rate in drawn.sample(kinds, min(groups, len(kinds)))
    )
    fields = ("precision", "array.rows", "array.cols", "array.dataflow", "dram.read", "dram.write")
    axes = (
        SweepAxis(fields=fields, values=chosen),
        SweepAxis(fields="scratchpad.size", values=tuple(f"{size >> 10} KiB" for size in SIZES)),
        SweepAxis(fields="scratchpad.buffers", values=BUFFERS),
    )
    file = SweepFile(chips=("int4_array",), workloads=("conformer_m_encoder",), axes=axes)
    return sweep_of(file, [load_chip("int4_array")], [load_workload(ENCODER)])
