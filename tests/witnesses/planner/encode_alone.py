"""The code of one op alone, from its steps."""

import numpy as np

from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Ring, StepTree
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import EncodedSchedule, fixed_of, least_key, longest_period


def encode_alone(steps: tuple[StepTree, ...], ports: Ports, single: tuple[Ring, ...] = ()) -> EncodedSchedule:
    """What `encode` gives for a schedule of one op with these steps and no tensors, without making that schedule."""
    code, kept, least = step_code(steps, ports), longest_period(ports) + 1, least_key(fixed_of(ports))
    rows, past = code.rows.copy(), c.TOTALS_AT + c.TOTALS
    for end in (0, -1):
        rows[end, c.OP : c.SINGLE + 1] = 0, -1, 0, 0, code.array_writes, sum(1 << ring for ring in single)
    for row, depth in code.begins:
        rows[row, c.OP_HIGH] = 1
        at = (depth - 1) * kept
        rows[row, c.KEY_AT : c.PAST_AT + 1] = at * least, least, at * past
    deep = code.depth * kept
    sizes = np.array([1, 1, code.depth + 1, deep * least, deep * past], np.int64)
    return EncodedSchedule(
        ("alone",),
        (
            rows,
            np.zeros((0, 2), np.int64),
            np.zeros((0, c.TOUCHED_COLUMNS), np.int64),
            fixed_of(ports),
            sizes,
            _ONE_SPACE,
        ),
        (),
    )


_ONE_SPACE = np.zeros(1, np.int64)
