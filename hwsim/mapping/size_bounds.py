"""How long the DRAM's port is busy at least with a program's weights in a scratchpad of some size, before any plan."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Conv, Gemm
from hwsim.kernels.tilings import least_weights
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Items
from hwsim.mapping.target import Target


class Alike(NamedTuple):
    """Items of as many bytes that save as much, bytes or cycles, and how many items they are."""

    bytes: int
    saves: int
    items: int


@dataclass(frozen=True, eq=False)
class SizeBounds:
    """Bounds of a program's tables on a target, by the size of the scratchpad.

    Every run of a product loads its weights, unless they are resident. Items of one innermost loop are there together
    at least while it runs, so that they share the scratchpad; the bound gives them all of it, and the last one in part.
    """

    table: ProgramTable
    target: Target
    classes: tuple[OpRow, ...]
    items: Items

    def load_cycles(self, size: int) -> int:
        """Cycles in which the load unit is busy at least, whatever stays and however ops are cut."""
        loaded = max(0, self._loaded - sum(saved(items, size) for items in self._by_loop))
        return self.target.ports.least_load_cycles(loaded)

    @cached_property
    def _loaded(self) -> int:
        """Bytes of weights that all runs load, if nothing stays; what several ops read, or a part of, is left out."""
        bytes_of = [
            0 if op_class.operands is None else int(least_weights(np.array(op_class.row, np.int64)))
            for op_class in self.classes
        ]
        runs = zip(self.table.ops, self.table.class_of, self.table.op_times.tolist(), strict=True)
        return sum(times * bytes_of[of_class] for sized, of_class, times in runs if self.reads_own(sized.op))

    def reads_own(self, op: object) -> bool:
        """Whether an op reads a whole weight that no other op reads."""
        if not isinstance(op, Gemm | Conv) or op.weight.windows:
            return False
        uses = self.table.analysed.uses.tensors[op.weight.tensor]
        return uses.tensor.role.parameter and len(uses.uses) == 1

    @cached_property
    def _by_loop(self) -> tuple[tuple[Alike, ...], ...]:
        """What may be resident, by innermost loops; first what saves most per byte."""
        found = []
        for tensors in self.items.weights_by_loop:
            count = Counter[tuple[int, int]]()
            for kind in (kind for tensor in tensors for kind in tensor.kinds):
                count[kind.bytes, kind.saves] += kind.items
            alike = [Alike(*pair, number) for pair, number in count.items()]
            found.append(tuple(sorted(alike, key=per_byte, reverse=True)))
        return tuple(found)


def per_byte(alike: Alike) -> Fraction:
    """What items save for each of their bytes."""
    return Fraction(alike.saves, max(1, alike.bytes))


def saved(items: Iterable[Alike], room: int) -> int:
    """The most that items save together in so much room, the last one in part, rounded up."""
    total = 0
    for size, saves, number in items:
        whole = number if size * number <= room else room // size
        total, room = total + saves * whole, room - size * whole
        if whole < number:
            return total + -(-saves * room // size)
    return total
