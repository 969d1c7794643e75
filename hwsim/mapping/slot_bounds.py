"""How long slots of the scratchpad are held at least, before any plan: the fewer slots, the longer a program takes.

A slot holds one operand at a time, from its load on, through the latency of the DRAM, until the array has read it, and
one result, until the vector unit has worked on it. All slots of a ring together pass so much time in any plan. What is
resident is loaded without a slot.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Conv, Gemm
from hwsim.kernels.tilings import least_weights
from hwsim.mapping.chain_bounds import array_busy
from hwsim.mapping.op_rows import results_alone
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.residency import Kind
from hwsim.mapping.size_bounds import Alike, SizeBounds, per_byte, saved
from hwsim.mapping.target import Target, mode_of


class _Product(NamedTuple):
    """What a run of a product does at least on a core: cycles of the array and of the vector unit, and bytes of its
    weight that are loaded, for all cores; and the rows of K of its weight, all of them and those in a row of tiles,
    which may be resident by itself."""

    on_array: int
    on_vector: int
    loaded: int
    k: int
    unit: int


_Runs = tuple[tuple[int, _Product], ...]
"""How often a product runs in each of its sizes."""


@dataclass(frozen=True, eq=False)
class SlotBounds:
    """Bounds of a program's tables on a target with its number of slots, by the size of the scratchpad."""

    sizes: SizeBounds

    def held_cycles(self, size: int) -> int:
        """Cycles in which all slots of a ring are held at least, whatever stays and however ops are cut."""
        weights = sum(self._held(runs, size) for runs in self._own.values())
        for tensors in self.sizes.items.weights_by_loop:
            resident = [
                Alike(kind.bytes, self._not_held(self._own[tensor.name], kind, size), kind.items)
                for tensor in tensors
                if tensor.name in self._own
                for kind in tensor.kinds
            ]
            weights -= saved(sorted(resident, key=per_byte, reverse=True), size)
        return -(-max(weights, self._results) // self._target.slots)

    def _held(self, runs: _Runs, size: int) -> int:
        """For how long a weight of which nothing is resident holds slots: while it comes, and while the array reads."""
        return sum(
            times * (self._target.ports.least_load_cycles(product.loaded) + self._read(product, size))
            for times, product in runs
        )

    def _not_held(self, runs: _Runs, kind: Kind, size: int) -> int:
        """For how long rows of it do not, if they are resident, and come without a slot."""
        cycles = 0
        for times, product in runs:
            read = -(-times * self._read(product, size) * product.unit // product.k)
            cycles += times * self._target.ports.least_load_cycles(kind.loaded) + kind.rows * read
        return cycles

    def _read(self, product: _Product, size: int) -> int:
        """For how long loads of a run are under way beyond their own time, and the array reads what they bring.

        No load has more than its slot's share of the scratchpad, unless it takes all slots. Where some rows are
        resident, slots have so much less, and loads of the others are as many as their share at least.
        """
        target = self._target
        loads = max(1, target.slots * (product.loaded // target.ports.cores) // size)
        return product.on_array + target.ports.latency * loads

    @property
    def _target(self) -> Target:
        return self.sizes.target

    @cached_property
    def _own(self) -> dict[str, _Runs]:
        """The runs of each weight that one op reads, all of it in each run."""
        found: dict[str, _Runs] = {}
        for op, times, product in self._products():
            if self.sizes.reads_own(op):
                found[op.weight.tensor] = *found.get(op.weight.tensor, ()), (times, product)
        return found

    @cached_property
    def _results(self) -> int:
        """Cycles in which results are made and worked on."""
        return sum(times * (product.on_array + product.on_vector) for _, times, product in self._products())

    def _products(self) -> Iterator[tuple[Gemm | Conv, int, _Product]]:
        """All products, how often they run, and what a run does."""
        table = self.sizes.table
        for sized, of_class, times in zip(table.ops, table.class_of, table.op_times.tolist(), strict=True):
            if of_class in self._of_classes:
                assert isinstance(sized.op, Gemm | Conv)
                yield sized.op, times, self._of_classes[of_class]

    @cached_property
    def _of_classes(self) -> dict[int, _Product]:
        target, found = self._target, dict[int, _Product]()
        for number, row in enumerate(self.sizes.classes):
            if isinstance(row.shape, ProductShape):
                size, columns = row.shape.operands.size, np.array(row.row, np.int64)
                found[number] = _Product(
                    on_array=size.batch * array_busy(size, mode_of(row.shape.operands, target), target),
                    on_vector=results_alone(row.shape, size, target),
                    loaded=int(least_weights(columns)),
                    k=size.k,
                    unit=min(row.resident_unit, size.k),
                )
        return found
