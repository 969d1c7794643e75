"""Times of all steps of a schedule: a max-plus recurrence in one pass, with exact periodic stop.

Every dependency points backward in the order of the instructions, so one pass computes all times. The recurrence is
homogeneous: once all times that can still matter have moved by one common amount from one iteration of a loop to p
iterations later, they do so for ever. The loop then stops and adds the periods that remain, which gives what walking on
would have given, to the cycle (`kernels/periods.py`).
"""

import numpy as np

from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.periods import find_period, keep_snapshot, skip_periods
from hwsim.kernels.steps import move, run_oldest_store, run_step, run_unit, wait_for_loaded

TURNS = 4  # lists as long as there are rings or levels: whose turn it is, and how far each loop is
PAYS = 24  # a loop of fewer rows in all is walked faster than it is looked at


def walk(
    code: c.Ints, refs: c.Ints, touched: c.Ints, fixed: c.Ints, sizes: c.Ints, two_spaces: c.Ints, events: c.Ints
) -> tuple[c.Ints, c.Ints, c.Ints]:
    """Totals of every op, when each unit ended its last step, and the final `now`.

    `sizes`: numbers of ops, tensors and levels, and of integers that all keys and all snapshots take. With more than
    MOST iterations UNROLLED, or if it is LATE, nothing but that is known. If `events` has rows, the walk fills them,
    and may end with the iteration in which the last one was seen.
    """
    state = fresh(fixed, sizes)
    totals, now = state[:2]
    if len(events):
        now[c.NEXT_EVENT :] = np.searchsorted(events[:, c.E_UNIT], np.arange(c.UNITS))
    walk_on(code, refs, touched, fixed, two_spaces, events, *state)
    return totals, now[c.FREE : c.FREE + c.UNITS], now


def fresh(fixed: c.Ints, sizes: c.Ints) -> tuple[c.Ints, ...]:
    """All that a walk changes, as it is before the first step; totals and `now` come first."""
    # Made here: a kernel that makes arrays brings half of numba's compiler with it when it is loaded.
    ops, tensors, levels, keys, past = sizes.tolist()
    return (
        np.zeros((ops, c.TOTALS), np.int64),
        np.zeros(c.NOW, np.int64),
        np.zeros((c.RINGS, int(fixed[c.SLOTS])), np.int64),
        np.zeros(tensors, np.int64),
        np.full((2, tensors, c.READERS), c.NEVER, np.int64),
        np.zeros((int(fixed[c.DELAY]) + 1, c.PENDING_COLUMNS), np.int64),
        np.zeros((levels + 2, c.PEAKS), np.int64),
        np.zeros((TURNS, max(c.RINGS, levels + 2)), np.int64),
        np.empty(keys, np.int64),
        np.empty(past, np.int64),
    )


@lean
def walk_on(
    code,
    refs,
    touched,
    fixed,
    two_spaces,
    events,
    totals,
    now,
    released,
    ready,
    read,
    pending,
    peaks,
    turns,
    keys,
    past,
):
    """Walk from where walks before have left everything; stores that wait for a shared port are made at the end."""
    walk = c.Walk(
        refs, touched, fixed, two_spaces, totals, released, turns[0], ready, read, pending, now, peaks, events
    )
    run(code, walk, turns[1], turns[2], turns[3], keys, past)


@lean
def run(code, walk, done, taken, place, keys, past):
    now, peaks, fixed = walk.now, walk.peaks, walk.fixed
    at = 0
    while at < code.shape[0]:
        row = code[at]
        kind = row[c.KIND]
        if kind == c.STEP:
            run_step(row, walk)
        elif kind == c.OP_BEGIN:
            _begin_op(row, walk)
        elif kind == c.OP_END:
            _end_op(row, walk)
        elif kind == c.PRELOAD:
            _preload(row, walk)
        elif kind == c.BEGIN:
            _enter(walk)
            done[now[c.LEVEL]] = 0
            taken[now[c.LEVEL]] = 0
            place[now[c.LEVEL]] = 0
        else:
            begin = code[row[c.PARTNER]]
            level = now[c.LEVEL]
            done[level] += 1
            now[c.UNROLLED] += 1
            if now[c.UNROLLED] > fixed[c.MOST]:
                return
            if walk.events.shape[0] > 0 and now[c.SEEN] == walk.events.shape[0] - 1:
                return
            if fixed[c.LIMIT] > 0 and _late(walk):
                now[c.LATE] = 1
                return
            pays = fixed[c.LONGEST] > 0 and begin[c.TIMES] * (at - row[c.PARTNER]) > PAYS
            if pays and done[level] < begin[c.TIMES] - 1:
                keep_snapshot(begin, walk, place[level], keys, past)
                taken[level] += 1
                period = find_period(begin, fixed, taken[level], place[level], keys, past)
                if period > 0:
                    left = begin[c.TIMES] - done[level]
                    skipped = skip_periods(begin, walk, place[level], period, left, past)
                    done[level] += skipped
                    if skipped > 0:
                        taken[level] = 0
                place[level] = place[level] + 1 if place[level] < fixed[c.LONGEST] else 0
            for peak in range(c.PEAKS):
                peaks[level - 1, peak] = max(peaks[level - 1, peak], peaks[level, peak])
                peaks[level, peak] = 0
            if done[level] < begin[c.TIMES]:
                at = row[c.PARTNER]
            else:
                now[c.LEVEL] -= 1
        at += 1
    while now[c.PENDING] > 0:
        run_oldest_store(walk)


@inlined
def _late(walk):
    """Whether the walk will pass its limit: some port has stood idle for so long that what it has yet to do ends later.

    A port is the unit whose time a step takes: with a shared port stores take that of the load unit.
    """
    now, fixed = walk.now, walk.fixed
    for port in range(c.UNITS):
        left = fixed[c.ALL_BUSY + port] - now[c.WORKED + port]
        if left > 0 and now[c.FREE + port] + left > fixed[c.LIMIT]:
            return True
    return False


@inlined
def _enter(walk):
    walk.now[c.LEVEL] += 1
    for peak in range(c.PEAKS):
        walk.peaks[walk.now[c.LEVEL], peak] = 0


@inlined
def _begin_op(row, walk):
    """What the first steps of an op's run wait for."""
    now, refs, read, ready = walk.now, walk.refs, walk.read, walk.ready
    _enter(walk)
    now[c.RUN] += 1
    now[c.NOW_OP], now[c.NOW_FUSED] = row[c.OP], row[c.FUSED_OP]
    now[c.NOW_LOW], now[c.NOW_HIGH] = row[c.REF_LOW], row[c.REF_HIGH]
    now[c.NOW_ARRAY_WRITES], now[c.NOW_SINGLE] = row[c.ARRAY_WRITES], row[c.SINGLE]
    now[c.ARRAY_BEGUN] = now[c.VECTOR_BEGUN] = now[c.STORE_BEGUN] = 0
    now[c.FIRST_WORK] = now[c.FIRST_FUSED] = c.NEVER
    now[c.ARRAY_WAITS] = now[c.VECTOR_WAITS] = now[c.KEPT_WAITS] = now[c.STORE_WAITS] = 0
    for ring in range(c.OPERAND_RINGS):
        now[c.LOAD_ENDED_0 + ring] = c.NEVER
    for ref in range(row[c.REF_LOW], row[c.REF_HIGH]):
        how, tensor = refs[ref, c.HOW], refs[ref, c.TENSOR]
        if how == c.ARRAY_READ:
            now[c.ARRAY_WAITS] = max(now[c.ARRAY_WAITS], ready[tensor])
        elif how == c.VECTOR_READ:
            now[c.VECTOR_WAITS] = max(now[c.VECTOR_WAITS], ready[tensor])
        elif how == c.OVERWRITES:
            for unit in range(c.READERS):
                now[c.KEPT_WAITS] = max(now[c.KEPT_WAITS], read[0, tensor, unit], read[1, tensor, unit])
        elif how >= c.KEPT:
            waits = c.KEPT_WAITS if how <= c.KEPT_PART else c.STORE_WAITS
            for unit in range(c.READERS):
                now[waits] = max(now[waits], read[walk.two_spaces[tensor], tensor, unit])
    wait_for_loaded(walk)


@inlined
def _end_op(row, walk):
    """Until when the op read its tensors, and when those that it wrote are complete."""
    now, refs, read, level = walk.now, walk.refs, walk.read, walk.now[c.LEVEL]
    for ref in range(row[c.REF_LOW], row[c.REF_HIGH]):
        how, tensor = refs[ref, c.HOW], refs[ref, c.TENSOR]
        if how == c.ARRAY_READ:
            read[0, tensor, c.ARRAY_UNIT] = now[c.FREE + c.ARRAY_UNIT]
        elif how == c.VECTOR_READ:
            read[0, tensor, c.VECTOR_UNIT] = now[c.FREE + c.VECTOR_UNIT]
        elif how < c.KEPT:
            ended = now[c.LOAD_ENDED_0 + how - c.LOADED_0]
            read[0, tensor, c.LOAD_UNIT] = max(read[0, tensor, c.LOAD_UNIT], ended)
    for ref in range(row[c.REF_LOW], row[c.REF_HIGH]):
        how, tensor = refs[ref, c.HOW], refs[ref, c.TENSOR]
        if c.KEPT <= how <= c.STORED_PART:
            _written(walk, how, tensor, walk.peaks[level, c.DONE if how <= c.KEPT_PART else c.SAVED])
    if now[c.FIRST_WORK] >= 0:
        walk.totals[row[c.OP], c.SPAN] += max(0, walk.peaks[level, c.OWN] - now[c.FIRST_WORK])
    for place in range(now[c.PENDING]):
        if walk.pending[place, c.P_RUN] == now[c.RUN]:
            walk.pending[place, c.P_OWN] = walk.peaks[level, c.OWN]
    if now[c.FIRST_FUSED] >= 0:
        walk.totals[row[c.FUSED_OP], c.SPAN] += now[c.FREE + c.VECTOR_UNIT] - now[c.FIRST_FUSED]
    walk.peaks[level - 1, c.REACH] = max(walk.peaks[level - 1, c.REACH], walk.peaks[level, c.REACH])
    now[c.RUN] += 1  # stores that still wait belong to an earlier run
    now[c.LEVEL] -= 1


@inlined
def _written(walk, how, tensor, complete):
    """A tensor has new content, all of it or a part; stores that still wait for the port complete it later."""
    if how == c.KEPT_PART or how == c.STORED_PART:
        walk.ready[tensor] = max(walk.ready[tensor], complete)
        return
    walk.ready[tensor] = complete if complete > 0 else c.NEVER
    for unit in range(c.READERS):
        if walk.two_spaces[tensor]:
            walk.read[1, tensor, unit] = walk.read[0, tensor, unit]
        walk.read[0, tensor, unit] = c.NEVER


@inlined
def _preload(row, walk):
    """A load without a slot, into a space whose last readers it waits for."""
    tensor, op, read = row[c.PRE_TENSOR], row[c.PRE_OP], walk.read
    waits = np.int64(0)
    for unit in range(c.READERS):
        waits = max(waits, read[0, tensor, unit])
        read[0, tensor, unit] = c.NEVER
    for ref in range(row[c.PRE_REF_LOW], row[c.PRE_REF_HIGH]):
        dead = walk.refs[ref, c.TENSOR]
        for unit in range(c.READERS):
            waits = max(waits, read[0, dead, unit], read[1, dead, unit])
    run_unit(walk, op, c.LOAD_UNIT, c.LOAD_UNIT, waits, c.FOR_OVERWRITE, row[c.PRE_CYCLES])
    walk.ready[tensor] = walk.now[c.FREE + c.LOAD_UNIT] + walk.fixed[c.LATENCY]
    move(walk, op, walk.ready[tensor])
