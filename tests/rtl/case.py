"""One matrix product on one array: what a simulation is asked for, and its operands."""

from dataclasses import dataclass

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, PackedMacs, WeightLoad
from hwsim.hardware.summation import Accumulator, Overflow, Register
from hwsim.quantities.precision import Precision
from rtl.lcg import Lcg

Matrix = list[list[int]]

MODE = Precision.INT8
"""The mode of every array here; narrower operands are sign-extended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """out[m, n] = act[m, k] @ weight[k, n] on an array, the operands drawn from the seed. Flat, as it is recorded.

    `lengths`, if given, are the cycles of each tile of an output-stationary array: tile t then sums up only that many
    times its products of a cycle. Without it every tile takes all of K.
    """

    rows: int
    cols: int
    dataflow: Dataflow
    weight_load: WeightLoad = WeightLoad.WAVEFRONT
    shadow_weights: bool = True
    drain: Drain = Drain.SEPARATE
    m_chunk: int | None = None
    packed_k: int = 1
    packed_n: int = 1
    bits: int = 32
    overflow: Overflow = Overflow.SATURATE
    chunk: int | None = None
    outer_bits: int = 32
    outer_overflow: Overflow = Overflow.SATURATE
    m: int
    k: int
    n: int
    act: Precision = Precision.INT8
    weight: Precision = Precision.INT8
    seed: int = 0
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        tiles = -(-self.m // self.rows) * -(-self.n // self.tile_across)
        if self.lengths and (self.dataflow is not Dataflow.OS or len(self.lengths) != tiles):
            raise ValueError(
                f"lengths = {self.lengths}: must be one for each of {tiles} output-stationary tiles, or none"
            )

    @property
    def array(self) -> SystolicArray:
        outer = Register(bits=self.outer_bits, overflow=self.outer_overflow) if self.chunk else None
        return SystolicArray(
            rows=self.rows,
            cols=self.cols,
            dataflow=self.dataflow,
            weight_load=self.weight_load,
            shadow_weights=self.shadow_weights,
            drain=self.drain,
            m_chunk=self.m_chunk,
            macs_per_pe=((MODE, PackedMacs(k=self.packed_k, n=self.packed_n)),),
            accumulator=Accumulator(bits=self.bits, overflow=self.overflow, chunk=self.chunk, outer=outer),
        )

    @property
    def tile_k(self) -> int:
        """Products of one result that the array adds as one: those of a tile of K, or of a cycle."""
        return self.packed_k * (1 if self.dataflow is Dataflow.OS else self.rows)

    @property
    def tile_across(self) -> int:
        """Columns of results in a tile (IS: rows)."""
        return self.packed_n * self.cols

    def operands(self) -> tuple[Matrix, Matrix]:
        """The activations and the weights; with some seeds extreme ones, so that registers overflow."""
        lcg = Lcg(self.seed)
        extreme = lcg.choice((0, 0, 1, 2))
        return _matrix(lcg, self.m, self.k, self.act, extreme), _matrix(lcg, self.k, self.n, self.weight, extreme)


def _matrix(lcg: Lcg, rows: int, cols: int, precision: Precision, extreme: int) -> Matrix:
    """Uniform values (0), only the lowest and the highest (1), or mostly the lowest (2)."""
    low, high = precision.lowest, precision.highest
    choices = (range(low, high + 1), (low, high), (low, low, low, low, high, 0))[extreme]
    return [[lcg.choice(choices) for _ in range(cols)] for _ in range(rows)]
