"""A workload's values: in floats first, which give the scales; then in integers, held against the floats."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.decoder import Search, Steering
from hwsim.engine.decode.greedy import MOST_SYMBOLS_PER_FRAME
from hwsim.engine.decode.stages import Leave, unheeded, walk_of
from hwsim.engine.values.calibration import QuantParamsTable, quant_params_of
from hwsim.engine.values.calibration_stats import CalibrationStats
from hwsim.engine.values.compare import FINITE, Comparison, agreement, headline
from hwsim.engine.values.floats import FloatOps, ObservedOps, Seen, SeenOne, nobody
from hwsim.engine.values.folded_tables import integer_ops
from hwsim.engine.values.given import GivenOps
from hwsim.engine.values.given_floats import GivenFloats
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.recurrent import RecurrentLoops
from hwsim.engine.values.refine import OperandStats, observed
from hwsim.engine.values.refine_in_turn import Heard, refined_in_turn
from hwsim.engine.values.seeded import STATISTICS
from hwsim.engine.values.spool import Playback, Spool
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.walk import run_nodes, run_program
from hwsim.errors import OutOfRange
from hwsim.ir.nodes import Node
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload, unfolded
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.decoded import Decoded
from hwsim.results.quality import Quality
from hwsim.tensor.backend import ExactProducts, ProductBackend
from hwsim.tensor.carried import Carried

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """What a workload is run with: its parameters, its inputs, the symbols that a language model reads.

    `most_symbols` is after how many symbols a greedy search goes on to the next frame; `ends` is after how many frames
    it ends for each utterance of a batch, if some of them are padded.
    """

    parameters: Mapping[str, NDArray[np.float32]]
    inputs: Mapping[str, Array]
    symbols: NDArray[np.int32] | None = None
    most_symbols: int = MOST_SYMBOLS_PER_FRAME
    ends: Sequence[int] | None = None

    def steering(self, forced: Sequence[Any] | None = None) -> Steering:
        """What a search follows."""
        return Steering(forced=forced, symbols=self.symbols, most_symbols=self.most_symbols, ends=self.ends)


@dataclass(frozen=True, slots=True, eq=False)
class FloatRun:
    """What a float run left: statistics of values, its results in a spool, and what its search chose."""

    seen: CalibrationStats
    spool: Spool
    chosen: tuple[Any, ...]
    decoded: Decoded | None


@dataclass(frozen=True, slots=True, eq=False)
class IntegerRun:
    """What a quantised run left: the arrays that are still there, the ops with their counts, what its search did."""

    memory: TensorStore
    ops: IntegerOps
    decoded: Decoded | None


def run_floats(
    workload: Workload,
    given: Given,
    folder: Path,
    products: ProductBackend,
    progress: Progress = no_progress,
    only: tuple[Node, ...] | None = None,
) -> FloatRun:
    """Run a workload, or only some nodes of it, in single precision, keeping all results of its ops in the folder.

    Nothing of it is precomputed then: what training meant is what formats and tables are made of.
    """
    workload = unfolded(workload)
    program, spool = workload.program, Spool(folder)
    stats, tensors = CalibrationStats(program), {tensor.name for tensor in program.tensors}

    def note(op: Op, name: str, values: Array) -> None:
        stats.see(op, name, finite_results(op, values))
        if name in tensors:
            spool.add(f"{op.name} {name}", values.reshape(-1))

    search = _in_floats(workload, given, products, stats, note, only)
    progress(1, 1)
    return FloatRun(stats, spool, tuple(search.chosen), search.decoded())


def calibrate(workload: Workload, given: Given, products: ProductBackend, stats: CalibrationStats) -> None:
    """Run a workload in single precision for the statistics of its values alone, which are added to those there."""

    def note(op: Op, name: str, values: Array) -> None:
        stats.see(op, name, finite_results(op, values))

    _in_floats(unfolded(workload), given, products, stats, note)


def finite_results(op: Op, values: Array) -> Array:
    """Results that single precision holds; others are refused."""
    if not np.isfinite(values).all():
        raise OutOfRange(f"{op.name}: its results leave single precision, in which scales are found; {FINITE}")
    return values


def _in_floats(
    workload: Workload,
    given: Given,
    products: ProductBackend,
    stats: CalibrationStats,
    note: SeenOne,
    only: tuple[Node, ...] | None = None,
) -> Search:
    """Run a workload in single precision; its search."""
    program, carried = workload.program, given_scales(workload)
    ops: FloatOps
    wanted = frozenset[str]() if carried is not None else observed(program, workload.precision)
    if wanted:
        stats.operands = stats.operands or OperandStats()
        ops = ObservedOps(program, given.parameters, products, note, wanted, stats.operands)
    elif carried is None:
        ops = FloatOps(program, given.parameters, products, note)
    else:
        ops = GivenFloats(program, carried, given.parameters, products, note)
    for name, values in given.inputs.items():
        stats.see_tensor(name, values)
    walk = walk_of(workload, ops.run, given.steering())
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # what is not finite is looked for op by op
        if only is None:
            run_program(program, ops.memory(given.inputs), walk.run_op, walk.run_loop)
        else:
            run_nodes(only, ops.memory(given.inputs), {}, walk.run_op, walk.run_loop)
    return walk.search


def grids_of(workload: Workload, given: Given, floats: FloatRun) -> QuantParamsTable:
    """The quantisation parameters of a workload: those of its file, or calibrated on a float run."""
    carried = given_scales(workload)
    if carried is not None:
        return QuantParamsTable(carried.grids, {})
    return params_from(workload, given.parameters, floats.seen, [(workload.trained, given.inputs)])


def params_from(
    workload: Workload,
    parameters: Mapping[str, NDArray[np.float32]],
    seen: CalibrationStats,
    heard: Sequence[Heard],
) -> QuantParamsTable:
    """The quantisation parameters of a workload by what was seen of its float values; weights that are rounded one
    product after another are so on what was `heard`."""
    found = quant_params_of(workload.trained, workload.precision, parameters, seen)
    if not workload.precision.in_turn:
        return found
    # Alike for any number of threads, which only make it faster.
    products = ExactProducts(os.cpu_count() or 1)
    refined = refined_in_turn(heard, workload.precision, parameters, found.tensors, found.refined, products)
    return replace(found, refined=refined)


def given_scales(workload: Workload) -> Carried | None:
    """What the file of a workload carries, if it decides the scales."""
    carried = workload.carried
    return carried if isinstance(carried, Carried) and workload.network is None else None


def quantised_ops(
    workload: Workload,
    given: Given,
    params_table: QuantParamsTable,
    products: ProductBackend,
    seen: Seen = nobody,
    like: IntegerOps | None = None,
) -> IntegerOps:
    """The ops of a quantised workload: with the scales of its file, or in the integers of the house.

    `like` are ops of the same network at another length, with the very same parameters, scales and products.
    """
    carried = given_scales(workload)
    if carried is not None:
        own = like if isinstance(like, GivenOps) else None
        return GivenOps(workload.program, carried, given.parameters, products, seen=seen, like=own)
    return integer_ops(workload, given.parameters, params_table, products, seen, like)


def run_integers(
    workload: Workload,
    given: Given,
    params_table: QuantParamsTable,
    products: ProductBackend,
    *,
    seen: Seen | None = None,
    forced: Sequence[Any] | None = None,
) -> IntegerRun:
    """Run a quantised workload; recurrent loops run in one call each, with the same results."""
    ops = quantised_ops(workload, given, params_table, products, seen or nobody)
    memory = ops.memory(given.inputs)
    return IntegerRun(memory, ops, run_ops(workload, given, ops, memory, forced))


def run_ops(
    workload: Workload,
    given: Given,
    ops: IntegerOps,
    memory: TensorStore,
    forced: Sequence[Any] | None,
    leave: Leave = unheeded,
) -> Decoded | None:
    """Run all ops; what the search did."""
    return run_search(workload, given, ops, memory, forced, leave).decoded()


def run_search(
    workload: Workload,
    given: Given,
    ops: IntegerOps,
    memory: TensorStore,
    forced: Sequence[Any] | None = None,
    leave: Leave = unheeded,
) -> Search:
    """Run all ops; the finished search."""
    walk = walk_of(workload, ops.run, given.steering(forced), RecurrentLoops(ops), leave)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # what is not finite is looked for op by op
        run_program(workload.program, memory, walk.run_op, walk.run_loop)
    return walk.search


def evaluate(
    workload: Workload,
    given: Given,
    products: ProductBackend,
    *,
    integers: Callable[[QuantParamsTable], ProductBackend] | None = None,
    seed: int | None = None,
    watch: Callable[[IntegerOps], Seen] | None = None,
    leave: Leave = unheeded,
    finish: Callable[[TensorStore, Decoded | None], None] | None = None,
    progress: Progress = no_progress,
) -> Quality:
    """How far a quantised workload is from itself in floats.

    `integers` gives other products for the quantised run, once its scales are known. `watch` is told of every result of
    that run, `leave` of those of stages, `finish` of the arrays at its end and of what was decoded.

    The quantised model runs along the float search's choices, so that both see the same hypotheses; a second run,
    which decides for itself, gives its own symbols.
    """
    with TemporaryDirectory(prefix="hwsim-") as folder:
        floats = run_floats(workload, given, Path(folder), products, progress)
        params_table = grids_of(workload, given, floats)
        if integers is not None:
            products = integers(params_table)
        ops = quantised_ops(workload, given, params_table, products)
        comparison = Comparison(workload.program, ops, Playback(floats.spool))
        watcher = watch(ops) if watch is not None else None

        def see(op: Op, name: str, values: Array, runs: int = 1) -> None:
            comparison.see(op, name, values, runs)
            if watcher is not None:
                watcher(op, name, values, runs)

        ops.seen = see
        memory = ops.memory(given.inputs)
        for name, values in given.inputs.items():
            comparison.see_input(name, values, memory[name])
        run_ops(workload, given, ops, memory, floats.chosen, leave)
        results = comparison.results()
        free = None
        if floats.decoded is not None:
            ops.seen = nobody
            free = run_ops(workload, given, ops, ops.memory(given.inputs), None)
        if finish is not None:
            finish(memory, free)
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
        drawn=() if seed is None else sorted_pairs(STATISTICS),
        accumulators=products.accumulators,
        ops=results,
        decoded=free,
        decoded_in_floats=floats.decoded,
        symbol_agreement=agreed,
    )
