"""A chain in single precision as one call of a kernel: what it reads and writes, integers or floats, included."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Elementwise, Function
from hwsim.kernels import single_chain as kernels
from hwsim.kernels.cpu import compiles
from hwsim.quantities.precision import Precision
from hwsim.tensor.chain import float_chain
from hwsim.tensor.functions import DOUBT
from hwsim.tensor.quant_params import Ints, QuantParams

Array = NDArray[Any]
Singles = NDArray[np.float32]

_TWO = {
    Function.ADD: kernels.ADD,
    Function.SUB: kernels.SUB,
    Function.MUL: kernels.MUL,
    Function.DIV: kernels.DIV,
}
_ONE = {Function.SIGMOID: kernels.SIGMOID, Function.ERF: kernels.ERF}
_SAME = frozenset({Function.REQUANTIZE, Function.DEQUANTIZE, Function.ADD, Function.MAX})
"""What is the identity of one argument."""
_EXACT_BITS = 16
"""Integers of so many bits, less a zero point, are numbers of single precision."""


def integers_by_one_scale(params: QuantParams | None) -> bool:
    """Whether a kernel reads or writes integers of these parameters: few bits, one scale, one zero point."""
    return (
        params is not None
        and params.scale.size == params.zero.size == 1
        and params.group is None
        and params.precision.bits <= _EXACT_BITS
    )


@dataclass(frozen=True, slots=True)
class Read:
    """A local value that a chain reads: as many numbers as it has elements, or those of one row. With parameters they
    are integers."""

    local: str
    size: int
    params: QuantParams | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SingleChain:
    """A chain made ready: each result rounded to single precision, or to integers where a write has parameters."""

    op: Elementwise
    steps: NDArray[np.int64]
    numbers: Singles
    spans: NDArray[np.int64]
    reads: tuple[Read, ...]
    writes: tuple[tuple[str, QuantParams | None], ...]
    elements: int
    locals: int

    @classmethod
    def of(
        cls, op: Elementwise, reads: Sequence[Read], writes: Sequence[tuple[str, QuantParams | None]], elements: int
    ) -> Self | None:
        """The chain of an op; None where it has a function that no kernel computes as numpy does."""
        chain = _functions(op)
        if chain is None or not compiles():
            return None
        functions, places = chain
        steps: list[tuple[int, int, int, int]] = []
        numbers: list[tuple[float, float, float, float]] = []
        counts = dict.fromkeys((kernels.INTEGERS, kernels.SINGLES, kernels.ROW, kernels.ROUNDED, kernels.KEPT), 0)

        def moved(code: int, local: str, params: QuantParams | None) -> None:
            row, place = counts[code], places[local]
            steps.append((code, place, 0, row) if code in (kernels.ROUNDED, kernels.KEPT) else (code, row, 0, place))
            numbers.append(_NO_SCALE if params is None else _scale(params))
            counts[code] += 1

        for one in reads:
            kind = kernels.SINGLES if one.params is None else kernels.INTEGERS
            moved(kind if one.size == elements else kernels.ROW, one.local, one.params)
        for local, value in op.constants:
            steps.append((kernels.NUMBER, 0, 0, places[local]))
            numbers.append((value, 0, 0, 0))
        steps += functions
        numbers += [_NO_SCALE] * len(functions)
        for local, params in writes:
            moved(kernels.KEPT if params is None else kernels.ROUNDED, local, params)
        ends = accumulate((one.size for one in reads if one.size != elements), initial=0)
        spans = np.array([(first, end - first) for first, end in pairwise(ends)], np.int64).reshape(-1, 2)
        rooms = max(places.values()) + 1
        rows = np.array(steps, np.int64), np.array(numbers, np.float32), spans
        return cls(op, *rows, tuple(reads), tuple(writes), elements, rooms)

    def __call__(self, arrays: Sequence[Array]) -> list[Ints | Singles]:
        """What is written, in order, of what is read, in order."""
        integers: list[Array] = []
        singles: list[Array] = []
        rows: list[Array] = []
        for one, values in zip(self.reads, arrays, strict=True):
            if one.size != self.elements:
                rows.append(values if one.params is None else one.params.real(values))
            else:
                (singles if one.params is None else integers).append(values)
        others = sum(target is None for _, target in self.writes)
        count = len(self.writes) - others
        whole = np.empty((count, self.elements if count else 0), np.int32)
        kept = np.empty((others, self.elements if others else 0), np.float32)
        values = np.empty((self.locals, kernels.BLOCK), np.float32)
        read = _stacked(integers, np.int32), _stacked(singles, np.float32), _joined(rows)
        unsure = np.empty(self.elements, np.bool_)
        doubtful = kernels.run_singles(
            self.steps, self.numbers, DOUBT, *read, self.spans, values, whole, kept, unsure
        )  # fmt: skip
        wholes, floats = iter(whole), iter(kept)
        results = [next(wholes) if target is not None else next(floats) for _, target in self.writes]
        if doubtful:
            self._settle(arrays, results, np.flatnonzero(unsure))
        return results

    def _settle(self, arrays: Sequence[Array], results: list[Ints | Singles], places: NDArray[np.int64]) -> None:
        """Compute the elements at these places by numpy."""
        reads = {}
        for one, values in zip(self.reads, arrays, strict=True):
            there = values.reshape(-1)[places % one.size]
            reads[one.local] = there.astype(np.float32) if one.params is None else one.params.real(there)
        found = float_chain(self.op, reads, Precision.FP32)
        for (local, target), result in zip(self.writes, results, strict=True):
            result[places] = found[local] if target is None else target.quantised(found[local])


def nearest(values: Singles, params: QuantParams) -> Ints:
    """`params.quantised` of many numbers, for parameters of one scale."""
    if not compiles() or values.dtype != np.float32:
        return params.quantised(values)
    steps = np.array([(kernels.SINGLES, 0, 0, 0), (kernels.ROUNDED, 0, 0, 0)], np.int64)
    numbers = np.array([_NO_SCALE, _scale(params)], np.float32)
    room, whole = np.empty((1, kernels.BLOCK), np.float32), np.empty((1, values.size), np.int32)
    flat, unsure = np.ascontiguousarray(values).reshape(1, -1), np.empty(values.size, np.bool_)
    nothing = np.empty((0, 0), np.int32), np.empty(0, np.float32), np.empty((0, 2), np.int64)
    integers, rows, spans = nothing
    kept = np.empty((0, 0), np.float32)
    if kernels.run_singles(steps, numbers, DOUBT, integers, flat, rows, spans, room, whole, kept, unsure):
        return params.quantised(values)
    return whole.reshape(values.shape)


_NO_SCALE = (1.0, 0.0, 0.0, 0.0)


def _scale(params: QuantParams) -> tuple[float, float, float, float]:
    return params.single, params.offset, params.lowest, params.highest


def _functions(op: Elementwise) -> tuple[list[tuple[int, int, int, int]], dict[str, int]] | None:
    """The steps of a chain, and the place of each local value; what only stands for another one shares its place."""
    names = [*(local for local, _ in op.reads), *(local for local, _ in op.constants)]
    places = {local: place for place, local in enumerate(names)}
    steps: list[tuple[int, int, int, int]] = []
    for step in op.chain:
        args = [places[arg] for arg in step.args]
        if len(args) == 1 and step.function in _SAME:
            places[step.result] = args[0]
            continue
        code = _TWO.get(step.function) if len(args) == 2 else _ONE.get(step.function)
        if code is None:
            return None
        places[step.result] = len(names) + len(steps)
        steps.append((code, args[0], args[-1], places[step.result]))
    return steps, places


def _joined(rows: list[Array]) -> Singles:
    return np.concatenate([row.reshape(-1) for row in rows], dtype=np.float32) if rows else np.empty(0, np.float32)


def _stacked(parts: list[Array], kind: type[np.generic]) -> Array:
    """Arrays as rows of that type; a single one is not copied if it lies in memory as it is read."""
    if not parts:
        return np.empty((0, 0), kind)
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0], kind).reshape(1, -1)
    out = np.empty((len(parts), parts[0].size), kind)
    for row, part in zip(out, parts, strict=True):
        row.reshape(part.shape)[...] = part
    return out
