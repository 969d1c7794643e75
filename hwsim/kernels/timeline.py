"""Times of the steps of one op: a max-plus recurrence with exact periodic stop.

The step tree comes as a list of instructions, one row of `code` each: STEP with its durations, BEGIN with the number
of iterations of a loop, and END with the row of its BEGIN. -1 stands for an absent part of a step.

The recurrence is homogeneous: once all times that can still matter have moved by one common amount from one iteration
of a loop to p iterations later, they do so for ever. The loop then stops and adds the periods that remain, which gives
what walking on would have given, to the cycle.
"""

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.jit import kernel

Ints = NDArray[np.int64]

# Columns of `code`.
KIND, TIMES, PARTNER = 0, 1, 2
LOAD_0, ARRAY, TAIL, VECTOR, STORE, FLAGS = 3, 6, 7, 8, 9, 10
UNITS_USED, RINGS_USED = 11, 12
COLUMNS = 13
# Kinds of instruction.
STEP, BEGIN, END = 0, 1, 2
# Bits of FLAGS: the step opens or closes a result tile; from RELEASE_0 on, it releases the slot of an operand ring.
OPENS, CLOSES, RELEASE_0 = 1, 2, 4

# Units and rings, as core.schedule numbers them; two rings of result slots follow the three of operand slots.
LOAD_UNIT, ARRAY_UNIT, VECTOR_UNIT, STORE_UNIT, UNITS = 0, 1, 2, 3, 4
WEIGHTS, ACTIVATIONS, VECTOR_OPERANDS, OPERAND_RINGS = 0, 1, 2, 3
ARRAY_RESULTS, VECTOR_RESULTS, RINGS = 3, 4, 5

# The totals: the frontier (latest end of anything), then four columns each of busy and stalled cycles, one per unit.
FRONTIER, BUSY, STALLED_FOR_LOAD, STALLED_FOR_ARRAY, STALLED_FOR_SLOT, TOTALS = 0, 1, 5, 9, 13, 17
# What a snapshot keeps besides the totals: the time of the unit that others are relative to, the latest end in the
# iteration, and a hash of the key, which is compared before the key itself.
BASE, REACH, HASH, KEPT = TOTALS, TOTALS + 1, TOTALS + 2, TOTALS + 3


@kernel
def walk(code: Ints, latency: int, slots: int, depth: int) -> tuple[Ints, Ints, np.int64, np.int64]:
    """The totals, when each unit ended its last step, when array or vector unit began their first, iterations walked.

    `depth` is that of the deepest loop.
    """
    longest = max(16, 2 * slots)
    free = np.zeros(UNITS, np.int64)
    released = np.zeros((RINGS, slots), np.int64)
    turn = np.zeros(RINGS, np.int64)
    totals = np.zeros(TOTALS, np.int64)

    # Of each loop under way: iterations done, the latest end in this iteration, and the last snapshots.
    done = np.zeros(depth, np.int64)
    reach = np.zeros(depth + 1, np.int64)
    taken = np.zeros(depth, np.int64)
    keys = np.zeros((depth, longest + 1, UNITS + RINGS * slots), np.int64)
    past = np.zeros((depth, longest + 1, KEPT), np.int64)

    first_work = np.int64(-1)
    walked = np.int64(0)
    level = -1
    at = 0
    while at < code.shape[0]:
        row = code[at]
        if row[KIND] == STEP:
            end = _step(row, latency, slots, free, released, turn, totals)
            if first_work < 0:
                first_work = free[ARRAY_UNIT if row[ARRAY] >= 0 else VECTOR_UNIT] - max(row[ARRAY], row[VECTOR], 0)
            reach[level + 1] = max(reach[level + 1], end)
            at += 1
        elif row[KIND] == BEGIN:
            level += 1
            done[level] = 0
            taken[level] = 0
            reach[level + 1] = 0
            at += 1
        else:
            begin = code[row[PARTNER]]
            done[level] += 1
            walked += 1
            if begin[TIMES] > 2 and done[level] < begin[TIMES] - 1:
                _snapshot(
                    begin, slots, free, released, turn, totals, reach[level + 1], keys[level], past[level], taken[level]
                )
                taken[level] += 1
                skipped = _skip(
                    begin,
                    begin[TIMES] - done[level],
                    slots,
                    free,
                    released,
                    totals,
                    reach,
                    level,
                    keys[level],
                    past[level],
                    taken[level],
                )
                done[level] += skipped
                if skipped > 0:
                    taken[level] = 0
            reach[level] = max(reach[level], reach[level + 1])
            if done[level] < begin[TIMES]:
                reach[level + 1] = 0
                at = row[PARTNER] + 1
            else:
                level -= 1
                at += 1
    return totals, free, first_work, walked


@kernel
def _step(row: Ints, latency: int, slots: int, free: Ints, released: Ints, turn: Ints, totals: Ints) -> np.int64:
    """One step on all its units; returns its latest end."""
    latest = np.int64(0)
    loaded = np.int64(0)
    vector_loaded = np.int64(0)
    for ring in range(OPERAND_RINGS):
        if row[LOAD_0 + ring] >= 0:
            start = max(free[LOAD_UNIT], released[ring, turn[ring]])
            totals[STALLED_FOR_SLOT + LOAD_UNIT] += start - free[LOAD_UNIT]
            free[LOAD_UNIT] = start + row[LOAD_0 + ring]
            totals[BUSY + LOAD_UNIT] += row[LOAD_0 + ring]
            turn[ring] = (turn[ring] + 1) % slots
            ready = free[LOAD_UNIT] + latency
            if ring == VECTOR_OPERANDS:
                vector_loaded = ready
            else:
                loaded = max(loaded, ready)
            latest = max(latest, ready)

    finished = np.int64(0)
    results = VECTOR_RESULTS
    if row[ARRAY] >= 0:
        results = ARRAY_RESULTS
        slot_free = np.int64(0)
        if row[FLAGS] & OPENS:
            slot_free = released[ARRAY_RESULTS, turn[ARRAY_RESULTS]]
            turn[ARRAY_RESULTS] = (turn[ARRAY_RESULTS] + 1) % slots
        start = max(free[ARRAY_UNIT], max(loaded, slot_free))
        reason = STALLED_FOR_LOAD if loaded >= slot_free else STALLED_FOR_SLOT
        totals[reason + ARRAY_UNIT] += start - free[ARRAY_UNIT]
        free[ARRAY_UNIT] = start + row[ARRAY]
        totals[BUSY + ARRAY_UNIT] += row[ARRAY]
        for ring in range(VECTOR_OPERANDS):
            if row[FLAGS] & (RELEASE_0 << ring):
                released[ring, (turn[ring] - 1) % slots] = free[ARRAY_UNIT]
        finished = free[ARRAY_UNIT] + row[TAIL]
        latest = max(latest, finished)

    if row[VECTOR] >= 0:
        waits = finished
        reason = STALLED_FOR_ARRAY
        if row[ARRAY] < 0:
            waits = released[VECTOR_RESULTS, turn[VECTOR_RESULTS]]
            reason = STALLED_FOR_SLOT
            turn[VECTOR_RESULTS] = (turn[VECTOR_RESULTS] + 1) % slots
        start = max(free[VECTOR_UNIT], max(vector_loaded, waits))
        if vector_loaded >= waits:
            reason = STALLED_FOR_LOAD
        totals[reason + VECTOR_UNIT] += start - free[VECTOR_UNIT]
        free[VECTOR_UNIT] = start + row[VECTOR]
        totals[BUSY + VECTOR_UNIT] += row[VECTOR]
        if row[FLAGS] & (RELEASE_0 << VECTOR_OPERANDS):
            released[VECTOR_OPERANDS, (turn[VECTOR_OPERANDS] - 1) % slots] = free[VECTOR_UNIT]
        finished = free[VECTOR_UNIT]
        latest = max(latest, finished)

    if row[FLAGS] & CLOSES:
        if row[STORE] >= 0:
            start = max(free[STORE_UNIT], finished)
            totals[STALLED_FOR_ARRAY + STORE_UNIT] += start - free[STORE_UNIT]
            free[STORE_UNIT] = start + row[STORE]
            totals[BUSY + STORE_UNIT] += row[STORE]
            finished = free[STORE_UNIT]
            latest = max(latest, finished)
        released[results, (turn[results] - 1) % slots] = finished
    totals[FRONTIER] = max(totals[FRONTIER], latest)
    return latest


@kernel
def _waiting_unit(ring: int) -> int:
    """The unit that takes the slots of a ring."""
    if ring < OPERAND_RINGS:
        return LOAD_UNIT
    return ARRAY_UNIT if ring == ARRAY_RESULTS else VECTOR_UNIT


@kernel
def _snapshot(
    begin: Ints,
    slots: int,
    free: Ints,
    released: Ints,
    turn: Ints,
    totals: Ints,
    reach: int,
    keys: Ints,
    past: Ints,
    taken: int,
) -> None:
    """Keep the state after an iteration: what decides the future, relative to one unit, and the totals."""
    base = np.int64(-1)
    for unit in range(UNITS):
        if begin[UNITS_USED] & (1 << unit) and base < 0:
            base = free[unit]
    place = taken % keys.shape[0]
    key = keys[place]
    key[:] = 0
    for unit in range(UNITS):
        if begin[UNITS_USED] & (1 << unit):
            key[unit] = free[unit] - base
    for ring in range(RINGS):
        if begin[RINGS_USED] & (1 << ring):
            # A release before the waiting unit is free can no longer matter.
            floor = free[_waiting_unit(ring)]
            for slot in range(slots):
                key[UNITS + ring * slots + slot] = max(released[ring, (turn[ring] + slot) % slots], floor) - base
    past[place, :TOTALS] = totals
    past[place, BASE] = base
    past[place, REACH] = reach
    mixed = np.int64(0)
    for value in key:
        mixed = (mixed ^ value) * np.int64(0x100000001B3)
    past[place, HASH] = mixed


@kernel
def _skip(
    begin: Ints,
    remaining: int,
    slots: int,
    free: Ints,
    released: Ints,
    totals: Ints,
    reach: Ints,
    level: int,
    keys: Ints,
    past: Ints,
    taken: int,
) -> int:
    """Multiply the period that ends here, if there is one; returns the iterations that this stands for."""
    size = keys.shape[0]
    now = (taken - 1) % size
    for period in range(1, min(taken, size)):
        then = (taken - 1 - period) % size
        if past[now, HASH] != past[then, HASH] or not np.array_equal(keys[now], keys[then]):
            continue
        periods = remaining // period
        moved = past[now, BASE] - past[then, BASE]
        frontier_moved = past[now, FRONTIER] - past[then, FRONTIER]
        latest = np.int64(0)
        for back in range(period):
            latest = max(latest, past[(taken - 1 - back) % size, REACH])
        if frontier_moved != moved:
            # Something older still runs: what the body does stays behind it for a while.
            if frontier_moved != 0:
                continue
            periods = min(periods, (totals[FRONTIER] - latest) // moved)
        if periods <= 0:
            continue
        for ring in range(RINGS):
            if begin[RINGS_USED] & (1 << ring):
                floor = free[_waiting_unit(ring)]
                for slot in range(slots):
                    released[ring, slot] = max(released[ring, slot], floor) + periods * moved
        for unit in range(UNITS):
            if begin[UNITS_USED] & (1 << unit):
                free[unit] += periods * moved
        for column in range(TOTALS):
            totals[column] += periods * (past[now, column] - past[then, column])
        reach[level + 1] = latest + periods * moved
        return periods * period
    return 0
