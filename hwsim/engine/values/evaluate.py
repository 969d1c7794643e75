"""A workload's values: in floats first, which give the scales; then in integers, held against the floats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.core.decoded import Decoded
from hwsim.core.ops import Op
from hwsim.core.progress import Progress, no_progress
from hwsim.core.quality import Quality
from hwsim.core.workload import Workload
from hwsim.engine.decode.greedy import GreedySearch
from hwsim.engine.values.compare import Comparison, agreement, headline
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.grids import Grids, grids
from hwsim.engine.values.integers import Adds, IntegerOps, exactly
from hwsim.engine.values.memory import Memory
from hwsim.engine.values.observe import Observed
from hwsim.engine.values.recurrent import RecurrentLoops
from hwsim.engine.values.spool import Playback, Spool
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import run_program
from hwsim.core.program import Loop

Array = NDArray[Any]
Parameters = Mapping[str, NDArray[np.float32]]
Seen = Callable[[Op, str, Array], None]


@dataclass(frozen=True, slots=True, eq=False)
class FloatRun:
    """What a float run left: where values lay, its results in a spool, and what its search chose."""

    seen: Observed
    spool: Spool
    chosen: tuple[Array, ...]
    decoded: Decoded | None


@dataclass(frozen=True, slots=True, eq=False)
class IntegerRun:
    """What a quantised run left: the arrays that are still there, the ops with their counts, what its search did."""

    memory: Memory
    ops: IntegerOps
    decoded: Decoded | None


def run_floats(
    workload: Workload, parameters: Parameters, inputs: Mapping[str, Array], folder: Path, progress: Progress = no_progress
) -> FloatRun:
    """Run a workload in single precision, keeping all results of its ops in the folder."""
    program, spool = workload.program, Spool(folder)
    seen, tensors = Observed(program), {tensor.name for tensor in program.tensors}

    def note(op: Op, name: str, values: Array) -> None:
        seen.see(op, name, values)
        if name in tensors:
            spool.add(f"{op.name} {name}", values.reshape(-1))

    ops = FloatOps(program, parameters, note)
    for name, values in inputs.items():
        seen.see_tensor(name, values)
    search = GreedySearch(program, ops.run)
    run_program(program, ops.memory(inputs), ops.run, search)
    progress(1, 1)
    return FloatRun(seen, spool, tuple(search.chosen), search.decoded())


def grids_of(workload: Workload, parameters: Parameters, floats: FloatRun) -> Grids:
    """The grids on which a workload is quantised, calibrated on a float run."""
    return grids(workload.program, workload.precision, parameters, floats.seen)


def run_integers(
    workload: Workload,
    parameters: Parameters,
    inputs: Mapping[str, Array],
    found: Grids,
    *,
    adds: Adds = exactly,
    threads: int = 1,
    seen: Seen | None = None,
    forced: tuple[Array, ...] | None = None,
) -> IntegerRun:
    """Run a quantised workload. Where nobody looks on, recurrent loops run in one call each, with the same results."""
    program = workload.program
    ops = IntegerOps(program, parameters, found, adds=adds, threads=threads)
    if seen is not None:
        ops.seen = seen
    fast, search = RecurrentLoops(ops), GreedySearch(program, ops.run, forced)

    def run_loop(loop: Loop, memory: Memory, indices: Indices) -> bool:
        return search(loop, memory, indices) or (seen is None and fast(loop, memory, indices))

    memory = ops.memory(inputs)
    run_program(program, memory, ops.run, run_loop)
    return IntegerRun(memory, ops, search.decoded())


def evaluate(
    workload: Workload,
    parameters: Parameters,
    inputs: Mapping[str, Array],
    *,
    adds: Adds = exactly,
    accumulators: str = "exact",
    threads: int = 1,
    seed: int | None = None,
    watch: Callable[[Grids], Seen] | None = None,
    progress: Progress = no_progress,
) -> Quality:
    """How far a quantised workload is from itself in floats. `watch` is told of every result of the quantised run.

    The quantised model runs along the float search's choices, so that both see the same hypotheses; a second run,
    which decides for itself, gives its own symbols.
    """
    with TemporaryDirectory(prefix="hwsim-") as folder:
        floats = run_floats(workload, parameters, inputs, Path(folder), progress)
        found = grids_of(workload, parameters, floats)
        ops = IntegerOps(workload.program, parameters, found, adds=adds, threads=threads)
        comparison = Comparison(workload.program, ops, Playback(floats.spool))
        others = watch(found) if watch is not None else None

        def see(op: Op, name: str, values: Array) -> None:
            comparison.see(op, name, values)
            if others is not None:
                others(op, name, values)

        ops.seen = see
        memory = ops.memory(inputs)
        for name, values in inputs.items():
            comparison.see_input(name, values, memory[name])
        search = GreedySearch(workload.program, ops.run, floats.chosen)
        run_program(workload.program, memory, ops.run, search)
        results = comparison.results()
        free = None
        if floats.decoded is not None:
            free = run_integers(workload, parameters, inputs, found, adds=adds, threads=threads).decoded
    best = headline(results)
    agreed = None if free is None or floats.decoded is None else agreement(free.symbols, floats.decoded.symbols)
    return Quality(
        output=best.name,
        sqnr_db=best.sqnr_db,
        cosine=best.cosine,
        top1=best.top1,
        saturations=sum(op.saturations for op in results),
        clipped=sum(op.clipped for op in results),
        seed=seed,
        accumulators=accumulators,
        ops=results,
        decoded=free,
        decoded_in_floats=floats.decoded,
        symbol_agreement=agreed,
    )
