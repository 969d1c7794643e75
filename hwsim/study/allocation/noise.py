"""How much of what layers say is noise in each format: one product for each layer and format, on values of floats.

A first run in floats shows what each product reads; a second one has each product made once more in each format, from
its own float operands, and measures what it writes against what it wrote in floats.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.decode.decoder import search_of
from hwsim.engine.values.compare import Sums, error_metrics, ranked_tensors
from hwsim.engine.values.evaluate import Given
from hwsim.engine.values.floats import FloatOps, SeenOne
from hwsim.engine.values.floats import nobody as sees_nothing
from hwsim.engine.values.tensor_store import TensorStore, index_tensors, ops_of
from hwsim.engine.values.views import Indices
from hwsim.engine.values.walk import run_program
from hwsim.errors import OutOfRange
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload, unfolded
from hwsim.passes.precision import in_precision
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.study.allocation.formats import Floats, OtherOperands, Product, Rounding, others_of, rounded_table
from hwsim.study.allocation.units import Unit
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.histogram import Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A workload in floats with the values given to it; weights that loops read again are laid out once."""

    work: Workload
    given: Given
    threads: int
    laid_out: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Setting):
    """What a run in floats left: what its products read, what its search chose, and what its output op wrote."""

    histograms: Mapping[str, Histogram]
    chosen: tuple[Any, ...]
    output: str
    written: tuple[NDArray[np.float32], ...]


class Watching(FloatOps):
    """Float ops that ask, before each op runs, whether something else runs in its place."""

    def __init__(self, reference: "Setting", watch: "Watch", seen: SeenOne = sees_nothing) -> None:
        given = reference.given
        super().__init__(reference.work.program, given.parameters, ExactProducts(reference.threads), seen)
        self.watch = watch
        self._weights = reference.laid_out

    def run(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run an op, or what stands for it."""
        if not self.watch(self, op, memory, indices):
            super().run(op, memory, indices)

    def itself(self, op: Op, memory: TensorStore, indices: Indices) -> None:
        """Run an op that is watched."""
        super().run(op, memory, indices)

    def with_other(self, other: "OtherProduct", memory: TensorStore, indices: Indices, *, apart: bool) -> Any:
        """Run a product with other operands; what it writes stays apart, or goes where it belongs."""
        operands = OtherOperands(memory, other.op, other.weight, other.rounding, other.histogram, apart=apart)
        seen, laid_out = self.seen, self._weights
        self._weights = other.laid_out
        if apart:
            self.seen = sees_nothing
        try:
            super().run(other.op, operands, indices)  # type: ignore[arg-type]  # it reads and writes, and that is all
        finally:
            self.seen, self._weights = seen, laid_out
        return operands.written


Watch = Callable[[Watching, Op, TensorStore, Indices], bool]
"""Called with each op before it runs; says whether it ran something in its place."""


@dataclass(slots=True)
class OtherProduct:
    """A product with other operands; its weights, which may come again in each run of a loop, are laid out once."""

    op: Product
    weight: Floats
    rounding: Rounding
    histogram: Histogram
    laid_out: dict[str, Any] = field(default_factory=dict)


def in_floats(work: Workload) -> Workload:
    """The workload in single precision, nothing of it precomputed."""
    return unfolded(in_precision(work, "fp32"))


def products_of(work: Workload, units: Sequence[Unit]) -> dict[str, Product]:
    """The products of the units by name."""
    named = {op for unit in units for op in unit.ops}
    ops = (placed.op for placed in work.trained.placed())
    return {op.name: op for op in ops if isinstance(op, (Gemm, Conv)) and op.name in named}


def reference_of(setting: Setting, products: Mapping[str, Product], progress: Progress = no_progress) -> Reference:
    """The run in floats that others are held against."""
    histograms: dict[str, Histogram] = {name: Histogram() for name in products}
    output, written = output_of(setting.work.program), list[NDArray[np.float32]]()

    def watch(ops: Watching, op: Op, memory: TensorStore, indices: Indices) -> bool:
        if op.name in products:
            histograms[op.name].add(memory.read(products[op.name].act, indices))
        return False

    def seen(op: Op, name: str, values: NDArray[Any]) -> None:
        if name == output:
            written.append(np.array(values, np.float32))
            if not np.isfinite(written[-1]).all():
                raise OutOfRange(f"{op.name}: its results leave single precision, in which formats are compared")

    chosen = run_watched(setting, watch, seen)
    progress(1, 1)
    return Reference(
        work=setting.work, given=setting.given, threads=setting.threads, laid_out=setting.laid_out,
        histograms=histograms, chosen=chosen, output=output, written=tuple(written),
    )  # fmt: skip


def run_watched(
    setting: Setting,
    watch: Watch,
    seen: SeenOne = sees_nothing,
    forced: Sequence[Any] | None = None,
    start: "Start | None" = None,
) -> tuple[Any, ...]:
    """Run a workload in floats, along the choices of an earlier search, if there was one; what its search chose.

    With a start only the rest of it runs.
    """
    ops = Watching(setting, watch, seen)
    search = search_of(setting.work, ops.run, setting.given.steering(forced))
    memory, first = (ops.memory(setting.given.inputs), 0) if start is None else (start.memory.copy(), start.place)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is looked for where it counts
        run_program(setting.work.program, memory, ops.run, search, first=first)
    return tuple(search.chosen)


class Start:
    """The beginning of a run in floats, which runs that differ only behind it share: its arrays, and how many nodes of
    the program's body have run. It ends before loops of a search, and before what the network is run for is written."""

    def __init__(self, reference: "Reference") -> None:
        self.reference, self.place = reference, 0
        self._ops = Watching(reference, lambda ops, op, memory, indices: False)
        self.memory = self._ops.memory(reference.given.inputs)
        self._last = self._end()

    def _end(self) -> int:
        """The first node that no start may hold."""
        program = self.reference.work.program
        for place, node in enumerate(program.body):
            searched = program.search is not None and isinstance(node, Loop)
            written = {view.tensor for op in ops_of(node) for view in op_spec(op).writes(op)}
            if searched or self.reference.output in written:
                return place
        return len(program.body)

    def before(self, names: Collection[str]) -> "Start | None":
        """The start that goes on to the first op of these names; None, if it is beyond that already."""
        program = self.reference.work.program
        met = (place for place, node in enumerate(program.body) if any(op.name in names for op in ops_of(node)))
        wanted = next(met, 0)
        if wanted < self.place:
            return None
        end = min(wanted, self._last)
        with np.errstate(over="ignore", invalid="ignore"):
            run_program(program, self.memory, self._ops.run, first=self.place, end=end)
        self.place = end
        return self


def output_of(program: Program) -> str:
    """The tensor whose values a network is run for: the last one that is ranked, else the last one that ops write."""
    ranked, indices = ranked_tensors(program), index_tensors(program)
    written = [view.tensor for placed in program.placed() for view in op_spec(placed.op).writes(placed.op)]
    values = [name for name in written if name not in indices]
    return ([name for name in values if name in ranked] or values)[-1]


def other_products(
    reference: Reference, products: Mapping[str, Product], formats: Mapping[str, Workload]
) -> dict[str, dict[str, OtherProduct]]:
    """Of each product, by name, itself with operands of each workload in other formats."""
    weights = {key: others_of(reference.given.parameters, work, products) for key, work in formats.items()}
    return {
        name: {
            key: OtherProduct(op, weights[key][name], Rounding.of(work, op), reference.histograms[name])
            for key, work in formats.items()
        }
        for name, op in products.items()
    }


def local_noise(
    reference: Reference, others: Mapping[str, Mapping[str, OtherProduct]], progress: Progress = no_progress
) -> dict[str, dict[str, float]]:
    """Of each product in each format the noise of what it writes ÷ what it writes in floats, as powers."""
    sums: dict[str, dict[str, Sums]] = {name: {key: Sums() for key in formats} for name, formats in others.items()}
    met: set[str] = set()

    def watch(ops: Watching, op: Op, memory: TensorStore, indices: Indices) -> bool:
        if op.name not in others:
            return False
        assert isinstance(op, (Gemm, Conv))
        ops.itself(op, memory, indices)
        exact = memory.read(op.out, indices)
        for key, other in others[op.name].items():
            sums[op.name][key].add(error_metrics(exact, ops.with_other(other, memory, indices, apart=True)))
        met.add(op.name)
        progress(len(met), len(others))
        return True

    run_watched(reference, watch, forced=reference.chosen)
    return {
        name: {key: one.noise / one.signal if one.signal else 0.0 for key, one in formats.items()}
        for name, formats in sums.items()
    }


@dataclass(frozen=True, slots=True)
class AtOutput:
    """What a change makes of the output: noise ÷ signal as powers, and the mean Kullback-Leibler divergence of a row's
    softmax, in nats."""

    noise: float
    divergence: float


def at_output(reference: Reference, changed: Mapping[str, OtherProduct], start: Start | None = None) -> AtOutput:
    """The output with these products in the place of those of their names, which a start has not met."""
    sums, places = Sums(), iter(reference.written)
    divergence = rows = 0.0

    def watch(ops: Watching, op: Op, memory: TensorStore, indices: Indices) -> bool:
        if op.name not in changed:
            return False
        ops.with_other(changed[op.name], memory, indices, apart=False)
        return True

    def seen(op: Op, name: str, values: NDArray[Any]) -> None:
        nonlocal divergence, rows
        if name == reference.output:
            exact = next(places)
            sums.add(error_metrics(exact, values))
            divergence += divergence_sum(exact, np.asarray(values).reshape(exact.shape))
            rows += exact.size // exact.shape[-1]

    run_watched(reference, watch, seen, reference.chosen, start)
    return AtOutput(sums.noise / sums.signal if sums.signal else 0.0, divergence / rows if rows else 0.0)


def divergence_sum(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Σ over rows of Σ p · log(p / q), where p and q are the softmax of a row of both.

    >>> divergence_sum(np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32))
    0.0
    """
    total = 0.0
    for p, q in zip(_log_softmax(wanted), _log_softmax(found), strict=True):
        total += float((np.exp(p) * (p - q)).sum())
    return max(0.0, total)


def _log_softmax(values: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    shifted = rows - rows.max(axis=1, keepdims=True)
    logs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs


def table_noise(reference: Reference, unit: Unit, formats: Mapping[str, Workload]) -> dict[str, float]:
    """Of a unit without products, whose parameters are rows that are looked up, their own noise in each format."""
    noise = {}
    for key, work in formats.items():
        sums = Sums()
        for name in unit.tensors:
            if name in reference.given.parameters:
                table = reference.given.parameters[name]
                sums.add(error_metrics(table, rounded_table(work.precision.of(unit.ops[0]).weight, table)))
        noise[key] = sums.noise / sums.signal if sums.signal else 0.0
    return noise
