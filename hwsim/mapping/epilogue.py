"""An elementwise op that works on the tiles of the Gemm before it, as soon as the vector unit has finished them.

That is possible if it reads the Gemm's result element by element, and nobody else does. The result then never leaves
the tile: neither the scratchpad nor the DRAM sees it.
"""

from dataclasses import dataclass
from math import prod

from hwsim.ir.functions import VectorWork
from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.mapping.blocks import TileRun
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.resident_rows import ALL
from hwsim.mapping.uses import ProgramUses
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True)
class Operand:
    """A view that a follower reads or writes beside the Gemm's result: its format, whether it has a value for every
    element of a tile or one for each column, and how many of its first rows lie in the scratchpad."""

    precision: Precision
    grows: bool
    kept: int

    def bytes(self, m: int, n: int) -> int:
        return (m if self.grows else 1) * self.precision.row_bytes(n)

    def bytes_away(self, rows: TileRun, n: int) -> int:
        """What of these rows and n columns lies in DRAM."""
        away = rows.size - rows.before(self.kept) if self.grows else int(self.kept == 0)
        return away * self.precision.row_bytes(n)


@dataclass(frozen=True, slots=True)
class Epilogue:
    """The op that follows, as far as tiles are concerned."""

    op: Elementwise
    growing: frozenset[View]
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]

    def work(self, m: int, n: int) -> VectorWork:
        """What it does to a tile of m rows and n columns."""
        return op_spec(self.op).vector_work(self.op, lambda view: (m, n) if view in self.growing else (n,))

    def read_bytes(self, m: int, n: int) -> int:
        return sum(operand.bytes(m, n) for operand in self.reads)

    def loaded_bytes(self, rows: TileRun, n: int) -> int:
        return sum(self.loaded_each(rows, n))

    def loaded_each(self, rows: TileRun, n: int) -> list[int]:
        """Of each operand that it reads, what of these rows and n columns is loaded."""
        return [operand.bytes_away(rows, n) for operand in self.reads]

    def stored_each(self, rows: TileRun, n: int) -> list[int]:
        """Of each operand that it writes, what of these rows and n columns is stored."""
        return [operand.bytes_away(rows, n) for operand in self.writes]

    def written_bytes(self, m: int, n: int) -> int:
        return sum(operand.bytes(m, n) for operand in self.writes)

    @property
    def loads_tiles(self) -> bool:
        """Whether it loads something for single tiles, not for every column only."""
        return any(operand.grows and operand.kept < ALL for operand in self.reads)

    @property
    def marks(self) -> frozenset[int]:
        """The rows at which what it reads or writes begins to lie elsewhere."""
        return frozenset(operand.kept for operand in (*self.reads, *self.writes) if operand.grows)


def can_fuse(first: SizedOp, second: SizedOp, uses: ProgramUses) -> bool:
    """Whether the second op may work on the tiles of the first one."""
    gemm, chain = first.op, second.op
    if not isinstance(gemm, (Gemm, Conv)) or not isinstance(chain, Elementwise) or not gemm.out.whole:
        return False
    between = uses.tensors[gemm.out.tensor]
    if {use.op.name for use in between.uses} != {gemm.name, chain.name} or between.carried:
        return False
    if any(view.tensor == gemm.out.tensor and view != gemm.out for _, view in chain.reads):
        return False
    if isinstance(gemm, Conv) and gemm.groups > 1:
        return False
    size = matrix_size(gemm, first.shape)
    elements = size.batch * size.m * size.n
    sizes = [prod(second.shape(view)) for _, view in chain.reads]
    if size.batch > 1 and any(one != elements for one in sizes):
        return False
    whole = all(prod(second.shape(view)) == elements for _, view in chain.writes)
    # A view in another order would be read or written across tiles.
    straight = all(view.order == gemm.out.order for _, view in (*chain.reads, *chain.writes) if view.order is not None)
    return whole and straight and all(one in (elements, size.n) for one in sizes)


def epilogue(first: SizedOp, second: SizedOp, program: Program) -> Epilogue:
    """The second op as a follower of the first one, all of whose other tensors lie in DRAM."""
    chain = second.op
    assert isinstance(first.op, (Gemm, Conv))
    assert isinstance(chain, Elementwise)
    size = matrix_size(first.op, first.shape)
    elements = size.batch * size.m * size.n
    views = dict.fromkeys(view for _, view in (*chain.reads, *chain.writes))
    growing = frozenset(view for view in views if prod(second.shape(view)) == elements)

    def operand(view: View) -> Operand:
        return Operand(program.tensor(view.tensor).precision, view in growing, kept=0)

    reads = dict.fromkeys(view for _, view in chain.reads if view != first.op.out)
    writes = dict.fromkeys(view for _, view in chain.writes)
    return Epilogue(chain, growing, tuple(map(operand, reads)), tuple(map(operand, writes)))
