"""A quantised run held against a float one: signal, noise and agreement of each op, added up while it runs."""

from math import log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.reals import Reals
from hwsim.engine.values.spool import Playback
from hwsim.errors import OutOfRange
from hwsim.ir.op_table import kind, op_spec
from hwsim.ir.ops import Gemm, Op, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.kernels.error_metrics import NOISE, POWER, PRODUCT, SIGNAL, measure_errors
from hwsim.results.quality import OpQuality

Array = NDArray[Any]

FINITE = "smaller weights and inputs, or a wider format for this op (precision rules), keep them finite"
"""What a user can do against infinities, which no figure of quality holds."""


@dataclass(slots=True)
class Sums:
    """Sums over the results of an op in two runs, from which its figures follow."""

    signal: float = 0.0
    noise: float = 0.0
    power: float = 0.0
    product: float = 0.0
    rows: int = 0
    agreeing: int = 0

    def add(self, measured: NDArray[np.float64]) -> None:
        """Add the measurements of a portion."""
        self.signal += float(measured[SIGNAL])
        self.noise += float(measured[NOISE])
        self.power += float(measured[POWER])
        self.product += float(measured[PRODUCT])

    @property
    def sqnr_db(self) -> float | None:
        """Signal to noise in decibels."""
        return 10 * log10(self.signal / self.noise) if self.signal > 0 and self.noise > 0 else None

    @property
    def cosine(self) -> float | None:
        """The cosine of the angle between the results of both runs."""
        return self.product / sqrt(self.signal * self.power) if self.signal > 0 and self.power > 0 else None

    @property
    def top1(self) -> float | None:
        """The share of rows whose largest entry is at the same place."""
        return self.agreeing / self.rows if self.rows else None


def error_metrics(reference: Array, measured: Array) -> NDArray[np.float64]:
    """Signal, noise, power and product of two arrays of single precision."""
    sums = np.zeros(4)
    reference_values, measured_values = (
        np.ascontiguousarray(values, np.float32).reshape(-1) for values in (reference, measured)
    )
    measure_errors(reference_values, measured_values, sums)
    return sums


class Comparison:
    """Sees the results of a quantised run, and plays those of the float run beside them; of tensors in `ranked` the
    largest entries are compared too."""

    def __init__(
        self, program: Program, ops: IntegerOps, floats: Playback, ranked: frozenset[str] = frozenset()
    ) -> None:
        self.program, self.ops, self.floats = program, ops, floats
        self._reals = Reals(program, ops)
        self.sums: dict[str, Sums] = {}
        self.tensors: dict[str, Sums] = {}
        self._ranked = ranked_tensors(program) | ranked

    def see(self, op: Op, name: str, values: Array, runs: int = 1) -> None:
        """Compare one result, or those of several runs."""
        flat = self._reals.of(op, name, values)
        if flat is None:
            return
        reference = self.floats.next(f"{op.name} {name}", values.size)
        if reference is None:
            return
        op_sums = self.sums.setdefault(op.name, Sums())
        if name in self.ops.indices:
            op_sums.rows += values.size
            op_sums.agreeing += int((flat == reference).sum())
            return
        measured = error_metrics(reference, flat)
        if not np.isfinite(measured[NOISE]):
            kind_of_numbers = self.program.tensor(name).precision.value
            raise OutOfRange(f"{op.name}: its results leave the numbers of {kind_of_numbers}; {FINITE}")
        for sums in (op_sums, self.tensors.setdefault(name, Sums())):
            sums.add(measured)
        if name in self._ranked:
            width = values.shape[-1]
            op_sums.rows += values.size // width
            op_sums.agreeing += int((reference.reshape(-1, width).argmax(1) == flat.reshape(-1, width).argmax(1)).sum())

    def see_input(self, name: str, exact: Array, held: Array) -> None:
        """Compare an input with its quantised numbers."""
        if name in self.ops.indices:
            return
        self.tensors[name] = Sums()
        self.tensors[name].add(error_metrics(exact, self.ops.real(name, held)))

    def results(self) -> tuple[OpQuality, ...]:
        """One entry for each op that ran, in program order."""
        return tuple(self._result(p.op) for p in self.program.placed() if p.op.name in self.sums)

    def _result(self, op: Op) -> OpQuality:
        sums, clipped = self.sums[op.name], self.ops.clipped[op.name]
        operands = [
            view.tensor
            for view in op_spec(op).reads(op)
            if view.tensor not in self.ops.indices
            and not self.program.tensor(view.tensor).role.parameter
            and not (isinstance(op, Gemm) and view == op.row_scales)
        ]
        # Tensors that a search looks up by itself are not compared: the quality of such inputs is unknown.
        compared = all(name in self.tensors for name in operands)
        reads = [self.tensors[name].sqnr_db for name in operands] if compared else []
        before = min((db for db in reads if db is not None), default=None)
        copies = bool(op_spec(op).copies(op))
        lost = None if before is None or sums.sqnr_db is None or copies else before - sums.sqnr_db
        return OpQuality(
            name=op.name,
            kind=kind(op),
            sqnr_db=sums.sqnr_db,
            lost_db=lost,
            cosine=sums.cosine,
            top1=sums.top1,
            results=clipped.results,
            clipped=clipped.result,
            saturations=clipped.accumulator,
        )


def ranked_tensors(program: Program) -> frozenset[str]:
    """Tensors whose largest entries matter: outputs, and tensors that are ranked or made probabilities."""
    ranked = (Reduction.ARGMAX, Reduction.TOP, Reduction.LOG_SOFTMAX)
    names = {tensor.name for tensor in program.tensors if tensor.role is Role.OUTPUT}
    for placed in program.placed():
        if isinstance(placed.op, Reduce) and placed.op.reduction in ranked:
            names.add(placed.op.read.tensor)
    return frozenset(names)


def headline(results: tuple[OpQuality, ...]) -> OpQuality:
    """The last op whose largest entries matter, else the last one with a signal."""
    ranked = [op for op in results if op.top1 is not None and op.sqnr_db is not None]
    heard = [op for op in results if op.sqnr_db is not None]
    return (ranked or heard or list(results))[-1]


def agreement(symbols: tuple[tuple[int, ...], ...], reference: tuple[tuple[int, ...], ...]) -> float | None:
    """1 - edit distance / symbols wanted, over all utterances.

    >>> agreement(((1, 2, 3),), ((1, 3, 3, 4),))
    0.5
    """
    total = sum(len(utterance) for utterance in reference)
    errors = sum(_distance(a, b) for a, b in zip(symbols, reference, strict=True))
    return max(0.0, 1 - errors / total) if total else (1.0 if errors == 0 else 0.0)


def _distance(symbols: tuple[int, ...], reference: tuple[int, ...]) -> int:
    row = list(range(len(reference) + 1))
    for i, a in enumerate(symbols, 1):
        corner, row[0] = row[0], i
        for j, b in enumerate(reference, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]
