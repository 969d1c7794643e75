"""How long arrays are busy at least with a program whose ops are split over cores, before any plan of it is made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hwsim.ir.op_table import MatrixSize
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.operands import Operands
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.shares import product_shares
from hwsim.mapping.splits import Split, Splits
from hwsim.mapping.target import Target, UnsupportedOp, mode_of
from hwsim.quantities.precision import Precision

_ONE = Split()


class SplitTable(NamedTuple):
    """A program's tables with its ops split over cores, which are made when plans of them are; and cycles that its
    arrays take at least."""

    unsplit: ProgramTable
    splits: Splits
    least_cycles: int

    @property
    def table(self) -> ProgramTable:
        """The tables themselves."""
        return self.unsplit.split(self.splits)


def split_tables(tables: Sequence[ProgramTable], target: Target) -> tuple[SplitTable, ...]:
    """The tables with their ops over cores in all ways that are tried; on one core there is nothing to bound."""
    bounds = [(table, SplitBounds(table, target)) for table in tables]
    return tuple(
        SplitTable(table, splits, bound.array_cycles(splits) if target.ports.cores > 1 else 0)
        for table, bound in bounds
        for splits in table.tried_splits(target)
    )


@dataclass(frozen=True, eq=False)
class SplitBounds:
    """Bounds of a program's tables on a target, by the splits of its ops."""

    table: ProgramTable
    target: Target

    def array_cycles(self, splits: Splits) -> int:
        """Cycles of a core's arrays for all products, in whichever blocks; 0, if the array has no mode for one."""
        products = self._products
        try:
            return sum(times * self._of(operands, splits.get(name, _ONE)) for (name, operands), times in products)
        except UnsupportedOp:
            return 0

    @cached_property
    def _products(self) -> list[tuple[tuple[str, Operands], int]]:
        """How often products of each size run, by the names of ops."""
        runs = Counter[tuple[str, Operands]]()
        for sized, op, times in zip(self.table.ops, self.table.shaped, self.table.op_times.tolist(), strict=True):
            if isinstance(op.shape, ProductShape):
                runs[sized.op.name, op.shape.operands] += times
        return list(runs.items())

    @cached_property
    def _known(self) -> dict[tuple[Operands, Split], int]:
        return {}

    def _of(self, operands: Operands, split: Split) -> int:
        """Cycles for a core's share of a product: of the array for all of it at once, or of the scratchpad's port for
        each operand once. Blocks fill the array more often, and let operands enter more often."""
        key = operands, split
        if key not in self._known:
            own, rate = product_shares(operands.size, split).size(operands.size.k), self.target.ports.scratchpad_read
            bits = own.m * own.k * operands.act.bits + own.k * own.n * operands.weight.bits
            of_port = 0 if rate is None else int(bits // 8 / rate)
            self._known[key] = own.batch * max(_of_array(own, mode_of(operands, self.target), self.target), of_port)
        return self._known[key]


def _of_array(size: MatrixSize, mode: Precision, target: Target) -> int:
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
