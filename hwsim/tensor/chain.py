"""A chain of functions over local values, in integers on the vector unit or in floats."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.ops import Apply, Elementwise, Function
from hwsim.kernels import chain as kernels
from hwsim.quantities.precision import Precision
from hwsim.tensor.fixed_point import one_factor
from hwsim.tensor.functions import TABLE_ENTRIES, TABLE_ZERO, UNARY, singles, table
from hwsim.tensor.quant_params import Ints, QuantParams
from hwsim.tensor.rounding import rounded
from hwsim.tensor.split import in_parallel, pieces

Floats = NDArray[np.float32]
Locals = Mapping[str, NDArray[np.float32]]

_TWO = {
    Function.ADD: kernels.ADD,
    Function.SUB: kernels.SUB,
    Function.MAX: kernels.MAX,
    Function.MIN: kernels.MIN,
    Function.EQUAL: kernels.EQUAL,
}
_SMALL = 1 << 15
"""Elements for which a second thread takes longer to start than it saves."""
_CONVERSIONS = (Function.REQUANTIZE, Function.DEQUANTIZE)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerChain:
    """A chain made ready: its steps and tables as the kernel reads them, and the place of each local value.

    Locals are kept without their zero points. Sums and products become integers at the result's scale by rescaling;
    functions of one number are read in tables, so their argument has at most 16 bits.
    """

    places: Mapping[str, int]
    steps: NDArray[np.int64]
    tables: NDArray[np.int16]
    constants: tuple[tuple[int, int], ...]

    def __call__(self, reads: Mapping[str, Ints], elements: int, threads: int = 1) -> tuple[Ints, NDArray[np.int64]]:
        """All local values after the chain, and how many results of each step were clipped.

        Each of the reads has that many elements, or those of one row; zero points are taken off before.
        """
        values = np.empty((len(self.places), elements), np.int32)
        for local, read in reads.items():
            values[self.places[local]].reshape(-1, read.size)[:] = read.reshape(-1)
        for place, constant in self.constants:
            values[place] = constant
        parts = pieces(elements, threads if elements > _SMALL else 1)
        clipped = np.zeros((len(parts), len(self.steps)), np.int64)

        def run(first: int, last: int) -> int:
            part_counts = clipped[[part[0] for part in parts].index(first)]
            kernels.run_chain(self.steps, self.tables, values, first, last, part_counts)
            return last - first

        in_parallel(run, parts)
        return values, clipped.sum(axis=0)


def prepared_chain(op: Elementwise, params: Mapping[str, QuantParams]) -> IntegerChain:
    """The chain of an op whose local values have these quantisation parameters."""
    places = {local: place for place, local in enumerate(params)}
    tables: list[NDArray[np.int16]] = []
    numbers: dict[tuple[Function, float, float, int, int], int] = {}
    steps = np.zeros((len(op.chain), kernels.STEP_FIELDS), np.int64)
    for step, row in zip(op.chain, steps, strict=True):
        args, target = [params[arg] for arg in step.args], params[step.result]
        row[1:4] = places[step.args[0]], places[step.args[-1]], places[step.result]
        row[10:12] = target.lowest - target.offset, target.highest - target.offset
        if step.function in UNARY:
            low, high = int(row[10]), int(row[11])
            key = (step.function, args[0].single, target.single, low, high)
            if key not in numbers:
                numbers[key] = len(tables)
                tables.append(table(step.function, args[0], target))
            row[0], row[4], row[5] = kernels.TABLE, numbers[key], TABLE_ZERO
            continue
        row[0] = _code(op, step)
        row[4:6] = one_factor(args[0].single / target.single)
        row[6:8] = one_factor(args[-1].single / target.single)
        if step.function is Function.EQUAL:
            row[4:6] = one_factor(1.0)
            row[6:8] = one_factor(args[-1].single / args[0].single)
        if step.function is Function.MUL:
            row[8:10] = one_factor(args[0].single * args[-1].single / target.single)
    constants = tuple(
        (places[local], int(params[local].quantised(np.array([value]))[0])) for local, value in op.constants
    )
    stacked = np.array(tables, np.int16) if tables else np.zeros((1, TABLE_ENTRIES), np.int16)
    return IntegerChain(places, steps, stacked, constants)


def _code(op: Elementwise, step: Apply) -> int:
    if step.function in _CONVERSIONS or (len(step.args) == 1 and step.function in (Function.ADD, Function.MAX)):
        return kernels.CONVERT  # a sum of one is the number itself
    if step.function is Function.MUL and len(step.args) == 2:
        return kernels.MUL
    if step.function in _TWO and len(step.args) == 2:
        return _TWO[step.function]
    raise Unsupported(f"{op.name}: {step.function.value} of {len(step.args)} values has no meaning")


def float_chain(
    op: Elementwise,
    reads: Mapping[str, Floats],
    precision: Precision,
    observe: Callable[[str, Floats], None] = lambda local, values: None,
) -> dict[str, Floats]:
    """All local values, each rounded to the format; `observe` is told of each result.

    Sums and products are those of single precision, other functions of double precision, rounded once to single.
    """
    values: dict[str, Floats] = dict(reads)
    values |= {local: rounded(np.array([value], np.float32), precision) for local, value in op.constants}
    for step in op.chain:
        result = rounded(_float_step(op, step, [values[arg] for arg in step.args]), precision)
        values[step.result] = result
        observe(step.result, result)
    return values


def _float_step(op: Elementwise, step: Apply, args: list[Floats]) -> Floats:
    if step.function in UNARY:
        return singles(step.function, args[0])
    if step.function in _CONVERSIONS or len(args) == 1:
        return args[0]
    match step.function:
        case Function.ADD:
            return np.asarray(args[0] + args[1])
        case Function.SUB:
            return np.asarray(args[0] - args[1])
        case Function.MUL:
            return np.asarray(args[0] * args[1])
        case Function.DIV:
            return np.asarray(args[0] / args[1])
        case Function.MAX:
            return np.asarray(np.maximum(args[0], args[1]))
        case Function.MIN:
            return np.asarray(np.minimum(args[0], args[1]))
        case Function.EQUAL:
            return np.asarray(args[0] == args[1], np.float32)
        case _:
            raise Unsupported(f"{op.name}: {step.function.value} has no meaning in floats")
