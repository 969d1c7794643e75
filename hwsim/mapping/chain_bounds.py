"""How long a program takes at least whose ops are split over cores, before any plan of it is made.

Ops that wait for each other form chains, and the array and the vector unit do their ops in order. How long an op keeps
them busy in whichever blocks bounds all plans; what is loaded and stored is left out.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.op_table import MatrixSize
from hwsim.kernels import chains
from hwsim.mapping.liveness import ALL
from hwsim.mapping.op_rows import results_alone, vector_alone
from hwsim.mapping.op_shapes import ProductShape, ShapedOp
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.shares import product_shares, rows_over_cores
from hwsim.mapping.splits import Split, Splits
from hwsim.mapping.target import Target, UnsupportedOp, mode_of
from hwsim.quantities.precision import Precision
from hwsim.timing.encode_steps import LONGEST

Ints = NDArray[np.int64]

_ONE = Split()


class SplitTable(NamedTuple):
    """A program's tables with its ops split over cores, which are made when plans of them are; and cycles that it takes
    at least, which are sought again for one slot."""

    unsplit: ProgramTable
    splits: Splits
    least_cycles: int
    bounds: "ChainBounds"

    @property
    def table(self) -> ProgramTable:
        """The tables themselves."""
        return self.unsplit.split(self.splits)

    def least_with(self, slots: int) -> int:
        """Cycles that it takes at least with so many slots a ring."""
        return self.least_cycles if slots > 1 else self.bounds.least_cycles(self.splits, in_turn=True)


def split_tables(tables: Sequence[ProgramTable], target: Target) -> tuple[SplitTable, ...]:
    """The tables with their ops over cores in all ways that are tried; a single one needs no bound."""
    split = [(table, splits) for table in tables for splits in table.tried_splits(target)]
    bounds = {table: ChainBounds(table, target) for table in tables}
    return tuple(
        SplitTable(table, splits, bounds[table].least_cycles(splits) if len(split) > 1 else 0, bounds[table])
        for table, splits in split
    )


@dataclass(frozen=True, eq=False)
class ChainBounds:
    """Bounds of a program's tables on a target, by the splits of its ops."""

    table: ProgramTable
    target: Target

    def least_cycles(self, splits: Splits, *, in_turn: bool = False) -> int:
        """Cycles of the longest chain of ops, in whichever blocks; 0, if a unit cannot do one, or has too much to do
        for 64 bits.

        Array and vector unit work `in_turn` on products, where there is one slot for results alone.
        """
        table = self.table
        ops = zip(table.ops, table.shaped, strict=True)
        try:
            of_ops = [self._of(op, splits.get(sized.op.name, _ONE)) for sized, op in ops]
        except (Unsupported, UnsupportedOp):
            return 0
        times = table.op_times.tolist()
        if sum(runs * sum(cycles) for runs, cycles in zip(times, of_ops, strict=True)) > LONGEST:
            return 0
        of_units = np.zeros((len(of_ops), chains.UNITS), np.int64)
        of_units[:, chains.ARRAY : chains.VECTOR + 1] = np.array(of_ops, np.int64).reshape(-1, 2)
        if in_turn:
            products = of_units[:, chains.ARRAY] > 0
            of_units[products, chains.ARRAY] += of_units[products, chains.VECTOR]
        return chain_cycles(table, of_units, np.full(len(table.spots), ALL, np.int64))

    @cached_property
    def _known(self) -> dict[tuple[object, ...], tuple[int, int]]:
        return {}

    def _of(self, op: ShapedOp, split: Split) -> tuple[int, int]:
        """Cycles of the array and of the vector unit for a core's share of an op."""
        key = op.shape, op.values, split
        if key not in self._known:
            if isinstance(op.shape, ProductShape):
                self._known[key] = self._of_product(op.shape, split)
            else:
                self._known[key] = 0, vector_alone(rows_over_cores(op.shape, op.values, split), self.target)
        return self._known[key]

    def _of_product(self, shape: ProductShape, split: Split) -> tuple[int, int]:
        """Cycles for a core's share of a product: of the array for all of it at once, or of the scratchpad's port for
        each operand once; and of the vector unit for its results. Blocks fill the units more often, and let operands
        enter more often."""
        operands, target = shape.operands, self.target
        own, rate = product_shares(operands.size, split).size(operands.size.k), target.ports.scratchpad_read
        bits = own.m * own.k * operands.act.bits + own.k * own.n * operands.weight.bits
        of_port = 0 if rate is None else int(bits // 8 / rate)
        array = own.batch * max(array_busy(own, mode_of(operands, target), target), of_port)
        return array, results_alone(shape, own, target)


def chain_cycles(table: ProgramTable, of_units: Ints, kept: Ints) -> int:
    """Cycles that a program takes at least: by op and unit those that each op takes, and how many rows of each
    tensor are kept."""
    nodes = len(table.nodes)
    chain = chains.Chain(
        shortest=of_units,
        kept=kept,
        of_body=np.zeros((nodes, chains.UNITS), np.int64),
        passed=np.zeros(nodes, np.int64),
        around=np.zeros(table.depth + 1, np.int64),
        ends=np.zeros(chains.UNITS, np.int64),
        complete=np.zeros((len(kept), 2), np.int64),
    )
    return int(chains.least_cycles(table.nodes, table.op_rows, table.uses, table.use_at, chain))


def array_busy(size: MatrixSize, mode: Precision, target: Target) -> int:
    """Cycles in which a core's arrays are busy with one product as a single block; what the last tile takes to drain
    does not keep them from the next op."""
    limits, costs = target.array.constraints(mode), target.array.step_costs(mode)
    whole, unit = limits.extent(size.m, size.k, size.n), limits.unit
    if limits.outputs_stay:
        deep, stream = -(-whole.outer // unit.outer), -(-size.k // costs.stream_k)
    else:
        deep, stream = -(-whole.k // unit.k), whole.outer
    across = -(-whole.inner // unit.inner)
    in_turn = -(-across // target.arrays) * deep
    interval = max(costs.pace * stream + costs.fixed, costs.least)
    # Of results that stay in the array the last tile lets the next op follow its stream as soon as that op can.
    return (in_turn - 1) * interval + min(interval, costs.pace * stream) if limits.outputs_stay else in_turn * interval
