"""Rows of cuts as nouns: the steps of an op, for schedules and whoever reads them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.works import StepWorks, fused_work, own_work
from hwsim.schedule.steps import ArrayWork, Fused, Load, Phase, Portion, Repeat, Ring, Step, StepTree

_PHASES = {
    c.OPENS | c.CLOSES: Phase.WHOLE,
    c.OPENS: Phase.FIRST,
    0: Phase.MIDDLE,
    c.CLOSES: Phase.LAST,
}
ACT, WEIGHT, OUT, OTHERS = 0, 1, 2, 3
"""Places of a product's operands among its names."""


def step_trees(code: NDArray[np.int64], op: OpRow, number: int, works: StepWorks) -> tuple[StepTree, ...]:
    """The steps of a cut; `number` is that of the op's class."""
    is_step = code[:, c.KIND] == c.STEP
    steps = code[is_step]
    counts = iter(works.of(steps, np.full(len(steps), number), runs=False).tolist())
    stack: list[list[StepTree]] = [[]]
    times: list[int] = []
    for row in code.tolist():
        if row[c.KIND] == c.BEGIN:
            stack.append([])
            times.append(row[c.TIMES])
        elif row[c.KIND] == c.END:
            body = tuple(stack.pop())
            stack[-1].append(Repeat(times=times.pop(), body=body))
        elif row[c.KIND] == c.STEP:
            stack[-1].append(_step(row, op, next(counts)))
    return tuple(stack[0])


def _step(row: Sequence[int], op: OpRow, counts: Sequence[int]) -> Step:
    portions = _product_portions(row, op) if op.operands is not None else _row_portions(row, op)
    flags, stored = row[c.FLAGS], portions.pop()
    vector, several = row[c.VECTOR] >= 0, op.row[t.CORES] > 1
    return Step(
        loads=tuple(
            Load(
                ring=ring,
                bytes=row[t.D_OF_RING + ring],
                portions=portions[ring],
                of_core=row[t.D_OF_CORE + ring] if several else None,
            )
            for ring in Ring
            if row[c.LOAD_0 + ring] >= 0
        ),
        array=None
        if row[c.ARRAY] < 0
        else ArrayWork(
            cycles=row[c.ARRAY],
            tail=row[c.TAIL],
            port_bound=row[t.D_ARRAY_PORT] > row[t.D_ARRAY],
            hidden_cycles=min(row[t.D_ARRAY_PORT], row[t.D_ARRAY]),
            conflict_bytes=row[t.D_CONFLICTS],
        ),
        phase=_PHASES[flags & (c.OPENS | c.CLOSES)],
        vector_cycles=row[c.VECTOR] if vector else None,
        vector_port_bound=row[t.D_VECTOR_PORT] > row[t.D_VECTOR],
        vector_hidden_cycles=min(row[t.D_VECTOR_PORT], row[t.D_VECTOR]),
        fused=None
        if row[c.FUSED] < 0
        else Fused(
            cycles=row[c.FUSED],
            port_bound=row[t.D_FUSED_PORT] > row[t.D_FUSED],
            hidden_cycles=min(row[t.D_FUSED_PORT], row[t.D_FUSED]),
            work=fused_work(counts),
        ),
        store_bytes=row[t.D_STORED] or None,
        store_portions=stored,
        stored_by_core=row[t.D_CORE_STORED] if several and row[t.D_STORED] else None,
        exchange_bytes=row[t.D_EXCHANGED] or None,
        releases=tuple(ring for ring in Ring if flags & c.RELEASE_0 << ring),
        first_read_bytes=row[t.D_FIRST_READ],
        read_by_core=row[t.D_CORE_READ] if several else None,
        work=own_work(counts),
    )


def _product_portions(row: Sequence[int], op: OpRow) -> list[tuple[Portion, ...]]:
    """What a step of a product loads into each ring, and what it stores."""
    assert op.operands is not None
    brought = [(WEIGHT, row[t.COLUMN_SCALES])]
    place = OTHERS
    for there, column in ((op.operands.bias, t.BIAS), (op.operands.row_scales, t.ROW_SCALES)):
        if there is not None:
            brought.append((place, row[column]))
            place += 1
    reads, writes = op.row[t.READS], op.row[t.WRITES]
    brought += ((place + number, row[t.EPILOGUE_READS + number]) for number in range(reads))
    at = t.EPILOGUE_READS + reads
    stored = [(place + reads + number, row[at + number]) for number in range(writes)] or [(OUT, row[at])]
    return [
        (Portion(WEIGHT, row[t.D_OF_RING + c.WEIGHTS]),),
        (Portion(ACT, row[t.D_OF_RING + c.ACTIVATIONS]),),
        _portions(brought),
        _portions(stored),
    ]


def _row_portions(row: Sequence[int], op: OpRow) -> list[tuple[Portion, ...]]:
    """What a step of the vector unit loads into each ring, and what it stores."""
    reads, writes = op.row[t.READS], op.row[t.WRITES]
    moved = list(enumerate(row[t.DETAIL : t.DETAIL + reads + writes]))
    return [(), (), _portions(moved[:reads]), _portions(moved[reads:])]


def _portions(moved: Sequence[tuple[int, int]]) -> tuple[Portion, ...]:
    return tuple(Portion(operand, size) for operand, size in moved if size)
