"""How often the ops of a program run, whatever the chip: sums over all their sizes, by row of totals."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.op_table import kind
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.op_shapes import ShapedOp

Ints = NDArray[np.int64]
Objects = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Grouped:
    """Which numbers belong to which rows: the numbers, those of one row together, where each row begins, the rows."""

    numbers: Ints
    starts: Ints
    rows: Ints

    @classmethod
    def by(cls, row_of: Ints) -> "Grouped":
        """Numbers by their rows; those with row -1 belong to none.

        >>> grouped = Grouped.by(np.array([2, -1, 0, 2]))
        >>> grouped.numbers.tolist(), grouped.starts.tolist(), grouped.rows.tolist()
        ([2, 0, 3], [0, 1], [0, 2])
        """
        order = np.argsort(row_of, kind="stable")
        numbers = order[np.searchsorted(row_of[order], 0) :]
        rows, starts = np.unique(row_of[numbers], return_index=True)
        return cls(numbers, starts, rows)


@dataclass(frozen=True, eq=False)
class OpRuns:
    """Names, kinds, runs and the products that are asked for by row of totals, of epilogues too.

    `of_size` is how often each size of an op runs, by its number; `own` and `fused` say which rows its work and that of
    its epilogue add up to, and `of_class` is the class of the ops in the rows of `own`.
    """

    names: Objects
    kinds: Objects
    times: Objects
    macs: Objects
    of_size: Ints
    own: Grouped
    of_class: Ints
    fused: Grouped


def op_runs(
    totals: Iterable[str],
    ops: Sequence[SizedOp],
    shaped: Sequence[ShapedOp],
    class_of: Sequence[int],
    op_rows: Ints,
    op_nodes: Ints,
) -> OpRuns:
    """The runs of a program's ops, from its tables."""
    names = np.array([*totals], object)
    of_size = np.zeros(len(ops), np.int64)
    np.add.at(of_size, op_nodes[:, 0], op_nodes[:, 1])
    kinds, times, macs = (np.zeros(len(names), object) for _ in range(3))
    for sized, op, (own, epilogue, _), runs in zip(ops, shaped, op_rows.tolist(), of_size.tolist(), strict=True):
        kinds[own] = kind(sized.op)
        times[own] += runs
        macs[own] += op.macs * runs
        if sized.epilogue is not None:
            kinds[epilogue] = kind(sized.epilogue.op)
            times[epilogue] += runs
    own_rows, fused_rows = Grouped.by(op_rows[:, 0]), Grouped.by(op_rows[:, 1])
    of_class = np.array(class_of, np.int64)[own_rows.numbers[own_rows.starts]]
    return OpRuns(names, kinds, times, macs, of_size, own_rows, of_class, fused_rows)
