"""Cases that cover all options of the arrays, drawn the same every time."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Self

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.hardware.summation import Overflow
from hwsim.quantities.precision import Precision
from rtl.case import Case
from rtl.lcg import Lcg


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to pipeline tiles."""

    dataflow: Dataflow
    weight_load: WeightLoad = WeightLoad.WAVEFRONT
    shadow_weights: bool = True
    drain: Drain = Drain.SEPARATE

    @classmethod
    def of(cls, array: SystolicArray) -> Self:
        return cls(array.dataflow, array.weight_load, array.shadow_weights, array.drain)


STATIONARY_OPERAND = [Mode(*each) for each in product((Dataflow.WS, Dataflow.IS), WeightLoad, (False, True))]
OUTPUT_STATIONARY = [Mode(Dataflow.OS, drain=drain) for drain in Drain]
MODES = [*STATIONARY_OPERAND, *OUTPUT_STATIONARY]

PRECISIONS = (Precision.INT2, Precision.INT3, Precision.INT4, Precision.INT8)
LARGEST = 70


def small_grid(cases: int = 66, seed: int = 1) -> list[Case]:
    """Arrays of up to 4 rows and columns, operands of up to 20; all modes in turn."""
    lcg = Lcg(seed)
    return [draw(lcg, MODES[i % len(MODES)], lcg.between(1, 4), lcg.between(1, 4), largest=20) for i in range(cases)]


def square_grid(cases: int, side: int = 4, seed: int = 2) -> list[Case]:
    """Arrays of one size, so that two builds suffice; all modes in turn."""
    lcg = Lcg(seed)
    return [draw(lcg, MODES[i % len(MODES)], side, side) for i in range(cases)]


def mixed_lengths(cases: int = 24, seed: int = 4) -> list[Case]:
    """Output-stationary arrays with two by three tiles of different lengths, some shorter than the array is high."""
    lcg = Lcg(seed)
    return [_mixed(lcg, OUTPUT_STATIONARY[i % 3], lcg.between(1, 4), lcg.between(1, 4)) for i in range(cases)]


def full_grid() -> list[Case]:
    """Every mode on arrays of 1, 2, 3, 4, 8 and 16 rows and columns, and more products per processing element."""
    lcg = Lcg(3)
    sides = (1, 2, 3, 4, 8, 16)
    every = [draw(lcg, mode, rows, cols) for rows, cols in product(sides, sides) for mode in MODES]
    wide = [draw(lcg, mode, rows, 2, packed) for mode in MODES for rows, packed in ((2, (8, 1)), (3, (4, 4)))]
    return every + wide + mixed_lengths()


def draw(
    lcg: Lcg, mode: Mode, rows: int, cols: int, packed: tuple[int, int] | None = None, largest: int = LARGEST
) -> Case:
    """A case on an array of that size: one in four large, the others so small that edges come up all the time."""
    packed_k, packed_n = packed or (lcg.choice((1, 1, 2)), lcg.choice((1, 1, 2)))
    base = Case(
        rows=rows,
        cols=cols,
        dataflow=mode.dataflow,
        weight_load=mode.weight_load,
        shadow_weights=mode.shadow_weights,
        drain=mode.drain,
        packed_k=packed_k,
        packed_n=packed_n,
        m=lcg.between(1, 3 * rows + 3),
        k=1,
        n=1,
        act=lcg.choice(PRECISIONS),
        weight=lcg.choice(PRECISIONS),
        seed=lcg.below(2**31),
    )
    k, n = lcg.between(1, min(largest, 4 * base.tile_k)), lcg.between(1, min(largest, 3 * base.tile_across))
    case = _with_accumulator(lcg, replace(base, k=k, n=n))
    if mode.dataflow is not Dataflow.OS and lcg.below(3) == 0:
        case = replace(case, m_chunk=lcg.between(1, 9))
    if lcg.below(4) == 0:
        case = replace(case, m=lcg.between(1, largest), k=lcg.between(1, largest), n=lcg.between(1, largest))
    return case


def _with_accumulator(lcg: Lcg, case: Case) -> Case:
    """Half of the registers are narrow enough to overflow; one array in four has an outer one."""
    bits = lcg.choice((lcg.between(8, 12), lcg.between(8, 32)))
    case = replace(case, bits=bits, overflow=lcg.choice(tuple(Overflow)))
    if lcg.below(4) != 0:
        return case
    chunk, outer_bits = case.tile_k * lcg.between(1, 3), lcg.between(bits, 32)
    return replace(case, chunk=chunk, outer_bits=outer_bits, outer_overflow=lcg.choice(tuple(Overflow)))


def _mixed(lcg: Lcg, mode: Mode, rows: int, cols: int) -> Case:
    case = draw(lcg, mode, rows, cols)
    longest = lcg.between(1, 2 * rows + 2)
    lengths = tuple(lcg.between(1, longest) for _ in range(6))
    return replace(case, m=2 * rows, k=longest * case.packed_k, n=3 * case.tile_across, lengths=lengths)
