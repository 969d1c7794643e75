"""The periodic stop: what an iteration of a loop leaves behind, compared with what earlier ones left.

The key of an iteration holds every time that can still matter, relative to one unit: free times of the units that the
body uses, and of a shared read port; releases of its rings; for tensors, when they are complete and when their last
readers ended; stores that wait for a shared port. A time that the body does not write counts no further back than the
moment at which no unit of the body can wait for it any more. Equal keys mean that the iterations between them repeat
for ever.
"""

import numpy as np

from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean


@inlined
def keep_snapshot(begin, walk, place, keys, past):
    """Keep the key, the peaks and the totals of an iteration in that place among the last ones."""
    now = walk.now
    ops = begin[c.OP_HIGH] - begin[c.OP_LOW]
    key = begin[c.KEY_AT] + place * begin[c.KEY_SIZE]
    row = begin[c.PAST_AT] + place * (c.TOTALS_AT + ops * c.TOTALS)
    base = np.int64(c.NEVER)
    least = np.int64(c.NEVER)
    for unit in range(c.UNITS):
        if begin[c.UNITS_USED] & (1 << unit):
            base = now[c.FREE + unit] if base < 0 else base
            least = now[c.FREE + unit] if least < 0 else min(least, now[c.FREE + unit])
    past[row + c.BASE], past[row + c.FRONT] = base, now[c.FRONTIER]
    past[row + c.LENGTH] = _write_key(begin, walk, base, least, keys, key) - key
    for peak in range(c.PEAKS):
        past[row + c.PEAKS_AT + peak] = walk.peaks[now[c.LEVEL], peak]
    row += c.TOTALS_AT
    for op in range(begin[c.OP_LOW], begin[c.OP_HIGH]):
        for column in range(c.TOTALS):
            past[row + column] = walk.totals[op, column]
        row += c.TOTALS


@inlined
def _write_key(begin, walk, base, least, keys, at):
    """The key from `at` on; where it ends."""
    slots = walk.fixed[c.SLOTS]
    for unit in range(c.UNITS):
        if begin[c.UNITS_USED] & (1 << unit):
            keys[at] = walk.now[c.FREE + unit] - base
            at += 1
    if begin[c.UNITS_USED] & (1 << c.READ_PORT):
        keys[at] = walk.now[c.FREE + c.READ_PORT] - base
        at += 1
    for ring in range(c.RINGS):
        if begin[c.RINGS_USED] & (1 << ring):
            floor = walk.now[c.FREE + _taker(ring)]
            turn = walk.turn[ring]
            for slot in range(slots):
                keys[at + slot] = max(walk.released[ring, turn], floor) - base
                turn = turn + 1 if turn + 1 < slots else 0
            at += slots
    for place in range(begin[c.TOUCHED_LOW], begin[c.TOUCHED_HIGH]):
        at = _write_tensor(walk.touched[place], walk, base, least, keys, at)
    for place in range(walk.now[c.PENDING]):
        at = _write_store(walk.pending[place], walk, base, keys, at)
    return at


@inlined
def _write_tensor(touch, walk, base, least, keys, at):
    """When a tensor is complete and, if the body asks for it, when its readers ended."""
    tensor = touch[c.T_TENSOR]
    writes = touch[c.T_WHOLE] or touch[c.T_PART]
    keys[at] = _relative(walk.ready[tensor], base) if writes else max(walk.ready[tensor], least) - base
    at += 1
    if writes or touch[c.T_ASKED]:
        for unit in range(c.READERS):
            moves = touch[c.T_WHOLE] or touch[c.T_READERS] & (1 << unit)
            ended = walk.read[0, tensor, unit]
            keys[at] = _relative(ended, base) if moves else max(ended, least) - base
            ended = walk.read[1, tensor, unit]
            keys[at + 1] = _relative(ended, base) if touch[c.T_WHOLE] else max(ended, least) - base
            at += 2
    return at


@inlined
def _write_store(store, walk, base, keys, at):
    """A store that waits for the shared port."""
    port, slots = walk.now[c.FREE + c.LOAD_UNIT], walk.fixed[c.SLOTS]
    keys[at] = store[c.P_OP]
    keys[at + 1] = store[c.P_RUN] == walk.now[c.RUN]
    keys[at + 2], keys[at + 3] = store[c.P_LOW], store[c.P_HIGH]
    keys[at + 4] = store[c.P_RING]
    keys[at + 5] = (store[c.P_SLOT] - walk.turn[store[c.P_RING]]) % slots
    keys[at + 6] = store[c.P_DUE] - walk.now[c.SEQUENCE]
    keys[at + 7] = store[c.P_CYCLES]
    keys[at + 8] = max(store[c.P_READY], port) - base
    keys[at + 9] = max(store[c.P_AFTER], port) - base
    keys[at + 10] = _relative(store[c.P_OWN], base)  # whatever it is, the span will count from it
    return at + c.PENDING_KEY


@inlined
def _relative(time, base):
    return np.int64(-(2**62)) if time < 0 else time - base


@inlined
def _taker(ring):
    """The unit that takes the slots of a ring: a release before it is free can no longer matter."""
    if ring < c.OPERAND_RINGS:
        return c.LOAD_UNIT
    return c.ARRAY_UNIT if ring == c.ARRAY_RESULTS else c.VECTOR_UNIT


@inlined
def find_period(begin, fixed, taken, place, keys, past):
    """The shortest period that the last snapshot, in that place, ends; 0 if there is none."""
    kept, size = fixed[c.LONGEST] + 1, begin[c.KEY_SIZE]
    width = c.TOTALS_AT + (begin[c.OP_HIGH] - begin[c.OP_LOW]) * c.TOTALS
    now_key, length = begin[c.KEY_AT] + place * size, past[begin[c.PAST_AT] + place * width + c.LENGTH]
    earlier = place
    for period in range(1, min(taken, kept)):
        earlier = earlier - 1 if earlier > 0 else kept - 1
        if past[begin[c.PAST_AT] + earlier * width + c.LENGTH] == length:
            key = begin[c.KEY_AT] + earlier * size
            same = 0
            while same < length and keys[now_key + same] == keys[key + same]:
                same += 1
            if same == length:
                return period
    return 0


@lean
def skip_periods(begin, walk, place, period, remaining, past):
    """Multiply the period that ends with the snapshot in that place; the iterations that this stands for.

    No iterations, while something older still runs and the body's steps have not caught up with it.
    """
    kept = walk.fixed[c.LONGEST] + 1
    width = c.TOTALS_AT + (begin[c.OP_HIGH] - begin[c.OP_LOW]) * c.TOTALS
    now_at = begin[c.PAST_AT] + place * width
    then_at = begin[c.PAST_AT] + (place - period) % kept * width
    moved = past[now_at + c.BASE] - past[then_at + c.BASE]
    frontier_moved = past[now_at + c.FRONT] - past[then_at + c.FRONT]
    periods = remaining // period
    if frontier_moved != moved and frontier_moved != 0:
        return 0
    peaks = walk.peaks[walk.now[c.LEVEL]]
    for peak in range(c.PEAKS):
        peaks[peak] = 0
        for back in range(period):
            at = begin[c.PAST_AT] + (place - back) % kept * width + c.PEAKS_AT + peak
            peaks[peak] = max(peaks[peak], past[at])
    if frontier_moved != moved:
        # Something older still runs: what the body does stays behind it for a while.
        periods = min(periods, (walk.now[c.FRONTIER] - peaks[c.REACH]) // moved)
    if periods <= 0:
        return 0
    _shift(begin, walk, periods * moved)
    for peak in range(c.PEAKS):
        if peaks[peak] > 0:
            peaks[peak] += periods * moved
    walk.now[c.FRONTIER] += periods * frontier_moved
    now_at, then_at = now_at + c.TOTALS_AT, then_at + c.TOTALS_AT
    for op in range(begin[c.OP_LOW], begin[c.OP_HIGH]):
        for unit in range(c.UNITS):
            port = c.LOAD_UNIT if walk.fixed[c.SHARED] and unit == c.STORE_UNIT else unit
            walk.now[c.WORKED + port] += periods * (past[now_at + c.BUSY + unit] - past[then_at + c.BUSY + unit])
        for column in range(c.TOTALS):
            walk.totals[op, column] += periods * (past[now_at] - past[then_at])
            now_at, then_at = now_at + 1, then_at + 1
    return periods * period


@inlined
def _shift(begin, walk, shift):
    """Move every time that the body writes; all others stay, since what follows the loop still needs them."""
    for ring in range(c.RINGS):
        if begin[c.RINGS_USED] & (1 << ring):
            floor = walk.now[c.FREE + _taker(ring)]
            for slot in range(walk.fixed[c.SLOTS]):
                walk.released[ring, slot] = max(walk.released[ring, slot], floor) + shift
    for unit in range(c.READ_PORT + 1):
        if begin[c.UNITS_USED] & (1 << unit):
            walk.now[c.FREE + unit] += shift
    for ring in range(c.OPERAND_RINGS):
        if begin[c.RINGS_LOADED] & (1 << ring):
            walk.now[c.LOAD_ENDED_0 + ring] += shift
    for place in range(begin[c.TOUCHED_LOW], begin[c.TOUCHED_HIGH]):
        touch = walk.touched[place]
        tensor = touch[c.T_TENSOR]
        if (touch[c.T_WHOLE] or touch[c.T_PART]) and walk.ready[tensor] >= 0:
            walk.ready[tensor] += shift
        for unit in range(c.READERS):
            if touch[c.T_WHOLE] or touch[c.T_READERS] & (1 << unit):
                if walk.read[0, tensor, unit] >= 0:
                    walk.read[0, tensor, unit] += shift
                if touch[c.T_WHOLE] and walk.read[1, tensor, unit] >= 0:
                    walk.read[1, tensor, unit] += shift
    for place in range(walk.now[c.PENDING]):
        store = walk.pending[place]
        store[c.P_READY] += shift
        if store[c.P_AFTER] >= 0:
            store[c.P_AFTER] += shift
        if store[c.P_OWN] >= 0:
            store[c.P_OWN] += shift
