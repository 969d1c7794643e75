"""When tasks run: an event simulation of units that serve tasks as their operands arrive.

Tasks are numbered in program order. A unit has servers, each kept `occupancy` cycles by a task, whose result is there
`complete` cycles after its start; to a task that depends on it, it takes the `delay` of that edge more. A task without
a unit (-1) joins others: it takes no server. At each time all that ends or arrives is taken first; then free servers
start tasks, the one that has been ready longest first, of equals the lowest number.
"""

import numpy as np

from hwsim.kernels.jit import inlined, kernel

COMPLETE, ARRIVE, FREE = range(3)


@inlined
def _before(times, codes, one, other):
    return times[one] < times[other] or (times[one] == times[other] and codes[one] < codes[other])


@inlined
def _swap(times, codes, one, other):
    times[one], times[other] = times[other], times[one]
    codes[one], codes[other] = codes[other], codes[one]


@inlined
def _push(times, codes, base, size, time, code):
    """Put an entry into the heap of `size` entries from `base` on."""
    place = size
    times[base + place], codes[base + place] = time, code
    while place:
        above = (place - 1) // 2
        if not _before(times, codes, base + place, base + above):
            break
        _swap(times, codes, base + place, base + above)
        place = above


@inlined
def _drop(times, codes, base, size):
    """Take the first entry out of the heap of `size` entries from `base` on."""
    last = size - 1
    _swap(times, codes, base, base + last)
    place = 0
    while True:
        least, below = place, 2 * place + 1
        if below < last and _before(times, codes, base + below, base + least):
            least = below
        if below + 1 < last and _before(times, codes, base + below + 1, base + least):
            least = below + 1
        if least == place:
            break
        _swap(times, codes, base + place, base + least)
        place = least


@kernel
def walk(unit, occupancy, complete, pending, first_edge, target, delay, servers, first, ready, start):
    """Fill `first`, when the first operand of each task arrived, `ready`, when all had, and `start`; how many ran.

    All arrays are of int64. Edges of task i are first_edge[i] to first_edge[i + 1]; `pending` counts the operands of
    each task, and is used up.
    """
    count, units = unit.size, servers.size
    base = np.zeros(units + 1, np.int64)
    for task in range(count):
        if unit[task] >= 0:
            base[unit[task] + 1] += 1
    for one in range(units):
        base[one + 1] += base[one]
    waiting_since, waiting = np.empty(count, np.int64), np.empty(count, np.int64)
    queued, free = np.zeros(units, np.int64), servers.copy()
    touched, is_touched, touches = np.empty(units, np.int64), np.zeros(units, np.bool_), 0
    times, codes, events = np.empty(3 * count + 1, np.int64), np.empty(3 * count + 1, np.int64), 0
    first[:] = -1
    for task in range(count):
        ready[task] = 0
        start[task] = -1
        if pending[task] == 0:
            first[task] = 0
            _push(times, codes, 0, events, 0, 3 * task + ARRIVE)
            events += 1
    ran = 0
    while events:
        now = times[0]
        while events and times[0] == now:
            code = codes[0]
            _drop(times, codes, 0, events)
            events -= 1
            what, kind = code // 3, code % 3
            if kind == FREE:
                free[what] += 1
                if not is_touched[what]:
                    is_touched[what], touched[touches] = True, what
                    touches += 1
                continue
            if kind == ARRIVE:
                one = unit[what]
                if one >= 0:
                    _push(waiting_since, waiting, base[one], queued[one], ready[what], what)
                    queued[one] += 1
                    if not is_touched[one]:
                        is_touched[one], touched[touches] = True, one
                        touches += 1
                    continue
                start[what] = now
                ran += 1
            for edge in range(first_edge[what], first_edge[what + 1]):
                task, at = target[edge], now + delay[edge]
                ready[task] = max(ready[task], at)
                if first[task] < 0 or at < first[task]:
                    first[task] = at
                pending[task] -= 1
                if pending[task] == 0:
                    _push(times, codes, 0, events, ready[task], 3 * task + ARRIVE)
                    events += 1
        for place in range(touches):
            one = touched[place]
            is_touched[one] = False
            while free[one] > 0 and queued[one] > 0:
                task = waiting[base[one]]
                _drop(waiting_since, waiting, base[one], queued[one])
                queued[one] -= 1
                free[one] -= 1
                start[task] = now
                ran += 1
                _push(times, codes, 0, events, now + occupancy[task], 3 * one + FREE)
                _push(times, codes, 0, events + 1, now + complete[task], 3 * task + COMPLETE)
                events += 2
        touches = 0
    return ran
