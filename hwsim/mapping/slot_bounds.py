"""How long slots of the scratchpad are held at least, before any plan: the fewer slots, the longer a program takes.

A slot holds one operand at a time, from its load on, through the latency of the DRAM, until the array has read it, and
one result, until the vector unit has worked on it. All slots of a ring together pass so much time in any plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hwsim.ir.ops import Conv, Gemm
from hwsim.kernels import tiling_code as t
from hwsim.kernels.tilings import least_weights
from hwsim.mapping.chain_bounds import array_busy
from hwsim.mapping.op_rows import results_alone
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.residency import ItemsOfTensor
from hwsim.mapping.size_bounds import Alike, SizeBounds, per_byte, saved
from hwsim.mapping.target import Target, mode_of


class _Product(NamedTuple):
    """What a run of a product does at least on a core: cycles of the array and of the vector unit, bytes of its weight
    that are loaded; and which part of the weight a row of tiles of it is, which may be resident by itself."""

    on_array: int
    on_vector: int
    loaded: int
    unit: int
    k: int


_Runs = tuple[tuple[int, _Product], ...]
"""How often a product runs in each of its sizes."""


@dataclass(frozen=True, eq=False)
class SlotBounds:
    """Bounds of a program's tables on a target with its number of slots, by the size of the scratchpad."""

    sizes: SizeBounds

    def held_cycles(self, size: int) -> int:
        """Cycles in which all slots of a ring are held at least, whatever stays and however ops are cut."""
        held = sum(self._held(runs, size)[0] for runs in self._own.values())
        for tensors in self._by_loop:
            resident = []
            for tensor in tensors:
                of_row = self._held(self._own[tensor.items[0].name], size)[1]
                resident += [Alike(kind.bytes, kind.rows * of_row, kind.items) for kind in tensor.kinds]
            held -= saved(sorted(resident, key=per_byte, reverse=True), size)
        weights = self.sizes.load_cycles(size) + max(0, held)
        return -(-max(weights, self._results) // self._target.slots)

    def _held(self, runs: _Runs, size: int) -> tuple[int, int]:
        """For how long a weight holds slots beyond its loads, while these come and while the array reads it; and for
        how long a row of tiles of it does.

        No load has more than its slot's share of the scratchpad, unless it takes all slots.
        """
        of_weight, of_row, slots = 0, 0, self._target.slots
        for times, product in runs:
            latency = self._target.ports.latency * max(1, slots * product.loaded // size)
            cycles = times * (product.on_array + latency)
            of_weight, of_row = of_weight + cycles, of_row - (-cycles * product.unit // product.k)
        return of_weight, of_row

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
    def _by_loop(self) -> tuple[tuple[ItemsOfTensor, ...], ...]:
        """What may be resident of these weights, by innermost loops."""
        found: dict[str, tuple[ItemsOfTensor, ...]] = {}
        for tensor in self.sizes.items.tensors:
            if tensor.loops and tensor.items[0].name in self._own:
                found[tensor.loops[-1]] = *found.get(tensor.loops[-1], ()), tensor
        return tuple(found.values())

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
                    loaded=int(least_weights(columns)) // int(columns[t.CORES]),
                    unit=min(row.resident_unit, size.k),
                    k=size.k,
                )
        return found
