"""A quantised run held against an exact one, and against the float model: the figures of the same workload as other
hardware computes it."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.compare import Comparison, ranked_tensors
from hwsim.engine.values.evaluate import FloatRun, Given, grids_of, run_floats, run_ops
from hwsim.engine.values.floats import Seen, nobody
from hwsim.engine.values.folded_tables import integer_ops
from hwsim.engine.values.reals import Recorder
from hwsim.engine.values.spool import Playback, Spool
from hwsim.engine.values.tensor_store import outputs
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.results.decoded import Decoded
from hwsim.results.quality import OpQuality
from hwsim.tensor.backend import ProductBackend

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What other runs of a workload are held against: the float run, the exact one along the float search's choices,
    its results against the float run's, and what it decodes by itself."""

    workload: Workload
    given: Given
    params_table: QuantParamsTable
    floats: FloatRun
    exact: Spool
    results: tuple[OpQuality, ...]
    decoded: Decoded | None


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The ops of a run against the exact one and against the float model, and what it decodes by itself."""

    against_exact: tuple[OpQuality, ...]
    against_floats: tuple[OpQuality, ...]
    decoded: Decoded | None


def reference(workload: Workload, given: Given, folder: Path, exact: ProductBackend, free: ProductBackend) -> Reference:
    """The reference of a workload, its results kept in the folder.

    The run by `exact` follows the float search; that by `free`, which gives the same sums, decides for itself. A
    workload without a search runs by `free` alone.
    """
    floats = run_floats(workload, given, folder, exact)
    params_table = grids_of(workload, given, floats)
    (folder / "exact").mkdir()
    spool = Spool(folder / "exact")
    searches = floats.decoded is not None
    ops = integer_ops(workload, given.parameters, params_table, exact if searches else free)
    recorder = Recorder(workload.program, ops, spool)
    comparison = Comparison(workload.program, ops, Playback(floats.spool), _scores(workload.program))
    memory = ops.memory(given.inputs)
    for name, values in given.inputs.items():
        comparison.see_input(name, values, memory[name])
    ops.seen = _both(recorder.see, comparison.see)
    decoded = run_ops(workload, given, ops, memory, floats.chosen)
    if searches:
        alone = integer_ops(workload, given.parameters, params_table, free)
        decoded = run_ops(workload, given, alone, alone.memory(given.inputs), None)
    return Reference(workload, given, params_table, floats, spool, comparison.results(), decoded)


def beside(known: Reference, products: ProductBackend) -> Beside:
    """The same workload with other products."""
    workload, given = known.workload, known.given
    ops = integer_ops(workload, given.parameters, known.params_table, products)
    exact, floats = (
        Comparison(workload.program, ops, Playback(spool), _scores(workload.program))
        for spool in (known.exact, known.floats.spool)
    )
    memory = ops.memory(given.inputs)
    for name, values in given.inputs.items():
        exact.see_input(name, ops.real(name, memory[name]), memory[name])
        floats.see_input(name, values, memory[name])
    ops.seen = _both(exact.see, floats.see)
    decoded = run_ops(workload, given, ops, memory, known.floats.chosen)
    results = exact.results(), floats.results()
    if known.decoded is not None:
        ops.seen = nobody
        decoded = run_ops(workload, given, ops, ops.memory(given.inputs), None)
    return Beside(*results, decoded)


def _both(first: Seen, second: Seen) -> Seen:
    def see(op: Op, name: str, values: Array, runs: int = 1) -> None:
        first(op, name, values, runs)
        second(op, name, values, runs)

    return see


def _scores(program: Program) -> frozenset[str]:
    """The outputs of a program that ranks nothing itself: whoever reads them looks for the largest."""
    if ranked_tensors(program):
        return frozenset()
    written = {name: program.tensor(name) for name in outputs(program)}
    return frozenset(name for name, tensor in written.items() if tensor.role is not Role.STATE)
