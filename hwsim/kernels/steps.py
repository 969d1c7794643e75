"""One step of a schedule on its units: when its parts start, what they wait for, and what they set free."""

import numpy as np

from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined


@inlined
def after(slot, slots):
    """The next slot of a ring."""
    return slot + 1 if slot + 1 < slots else 0


@inlined
def before(slot, slots):
    """The slot of a ring before this one."""
    return slot - 1 if slot > 0 else slots - 1


@inlined
def run_unit(walk, op, port, unit, wait, reason, cycles):
    """A unit works as soon as it is free and `wait` has come; `port` is the unit whose time it takes."""
    start = max(walk.now[c.FREE + port], wait)
    _work(walk, op, port, unit, start, reason, cycles)
    return start


@inlined
def _run_first(row, walk, unit, wait, reason, cycles):
    """The first unit of a step works, and asks for a shared read port for all that the step reads.

    The bytes pass behind those of all steps before, and the unit does not end before its own have passed.
    """
    now = walk.now
    start = max(now[c.FREE + unit], wait)
    if row[c.ALL_PASS] > 0:
        taken = max(now[c.FREE + c.READ_PORT], start)
        now[c.FREE + c.READ_PORT] = taken + row[c.ALL_PASS]
        if taken + row[c.FIRST_PASS] > start + cycles:
            alone = cycles if row[c.FLAGS] & c.PORT_BOUND else np.int64(0)
            cycles = taken + row[c.FIRST_PASS] - start
            walk.totals[now[c.NOW_OP], c.SHARED_BOUND + unit - c.ARRAY_UNIT] += cycles - alone
    _work(walk, now[c.NOW_OP], unit, unit, start, reason, cycles)
    return start


@inlined
def _work(walk, op, port, unit, start, reason, cycles):
    """A unit works for so many cycles from `start` on."""
    waited = start - walk.now[c.FREE + port]
    walk.totals[op, reason + unit] += waited
    walk.totals[op, c.BUSY + unit] += cycles
    walk.now[c.WORKED + port] += cycles
    walk.now[c.FREE + port] = start + cycles
    if walk.events.shape[0] > 0:
        event = walk.events[walk.now[c.NEXT_EVENT + unit]]
        if event[c.E_UNIT] == unit:  # else all that was asked for of the unit was seen
            if event[c.E_SKIP] > 0:
                event[c.E_SKIP] -= 1
            else:
                event[c.E_OP], event[c.E_START], event[c.E_END] = op, start, start + cycles
                event[c.E_WAITED], event[c.E_REASON] = waited, (reason - c.STALLS) // c.UNITS
                walk.now[c.NEXT_EVENT + unit] += 1
                walk.now[c.SEEN] += 1


@inlined
def move(walk, op, end):
    """Something of an op ends: it moves the frontier, if nothing ended later so far."""
    now, level = walk.now, walk.now[c.LEVEL]
    if end > now[c.FRONTIER]:
        walk.totals[op, c.CYCLES] += end - now[c.FRONTIER]
        now[c.FRONTIER] = end
    walk.peaks[level, c.REACH] = max(walk.peaks[level, c.REACH], end)


@inlined
def _move_own(walk, end):
    """Something of the op under way ends."""
    move(walk, walk.now[c.NOW_OP], end)
    own = walk.peaks[walk.now[c.LEVEL]]
    own[c.OWN] = max(own[c.OWN], end)


@inlined
def run_step(row, walk):
    """Loads, array, vector unit, exchange, store: the parts that the step has. Of equal reasons to wait the first one
    counts."""
    now, released, turn, slots = walk.now, walk.released, walk.turn, walk.fixed[c.SLOTS]
    now[c.SEQUENCE] += 1
    while now[c.PENDING] > 0 and walk.pending[0, c.P_DUE] <= now[c.SEQUENCE]:
        run_oldest_store(walk)
    loaded, vector_loaded = np.int64(0), np.int64(0)
    for ring in range(c.OPERAND_RINGS):
        if row[c.LOAD_0 + ring] >= 0:
            complete = _load(row, ring, walk)
            if ring == c.VECTOR_OPERANDS:
                vector_loaded = complete
            else:
                loaded = max(loaded, complete)
    finished, results = np.int64(0), c.VECTOR_RESULTS
    if row[c.ARRAY] >= 0:
        finished, results = _array(row, walk, loaded), c.ARRAY_RESULTS
    if row[c.VECTOR] >= 0:
        finished = _vector(row, walk, vector_loaded, finished)
    if row[c.FLAGS] & c.CLOSES:
        own = walk.peaks[now[c.LEVEL]]
        slot = before(turn[results], slots)
        released[results, slot] = finished
        if row[c.EXCHANGE] >= 0:
            run_unit(walk, now[c.NOW_OP], c.EXCHANGE_UNIT, c.EXCHANGE_UNIT, finished, c.FOR_ARRAY, row[c.EXCHANGE])
            released[results, slot] = now[c.FREE + c.EXCHANGE_UNIT]
            there = now[c.FREE + c.EXCHANGE_UNIT] + walk.fixed[c.BETWEEN]
            _move_own(walk, there)
            own[c.DONE] = max(own[c.DONE], there)
        own[c.DONE] = max(own[c.DONE], finished)
        if row[c.STORE] >= 0:
            _store(row, results, slot, finished, walk)


@inlined
def wait_for_loaded(walk):
    """What the loads of the op under way wait for: tensors in DRAM are complete."""
    now = walk.now
    for ring in range(c.OPERAND_RINGS):
        now[c.LOAD_WAITS_0 + ring] = 0
    for ref in range(now[c.NOW_LOW], now[c.NOW_HIGH]):
        ring = walk.refs[ref, c.HOW] - c.LOADED_0
        if 0 <= ring < c.OPERAND_RINGS:
            now[c.LOAD_WAITS_0 + ring] = max(now[c.LOAD_WAITS_0 + ring], walk.ready[walk.refs[ref, c.TENSOR]])


@inlined
def _free_at(ring, walk):
    """When the slot that a load takes next is free; when all slots are, if it takes all of them."""
    free = walk.released[ring, walk.turn[ring]]
    if walk.now[c.NOW_SINGLE] & (1 << ring):
        for slot in range(walk.fixed[c.SLOTS]):
            free = max(free, walk.released[ring, slot])
    return free


@inlined
def _release(ring, end, walk):
    """The slot of an operand that was read for the last time is free, or all slots, if it took all of them."""
    slots = walk.fixed[c.SLOTS]
    if walk.now[c.NOW_SINGLE] & (1 << ring):
        for slot in range(slots):
            walk.released[ring, slot] = end
    else:
        walk.released[ring, before(walk.turn[ring], slots)] = end


@inlined
def _load(row, ring, walk):
    """One load into the next slot of a ring; when its data is there."""
    now = walk.now
    wait, reason = np.int64(0), c.FOR_SLOT
    if now[c.PENDING] > 0:
        for ref in range(now[c.NOW_LOW], now[c.NOW_HIGH]):
            if walk.refs[ref, c.HOW] == c.LOADED_0 + ring:
                _run_stores_of(walk.refs[ref, c.TENSOR], walk)
    if now[c.LOAD_WAITS_0 + ring] > wait:
        wait, reason = now[c.LOAD_WAITS_0 + ring], c.FOR_TENSOR
    slot_free = _free_at(ring, walk)
    if slot_free > wait:
        wait, reason = slot_free, c.FOR_SLOT
    walk.turn[ring] = after(walk.turn[ring], walk.fixed[c.SLOTS])
    run_unit(walk, now[c.NOW_OP], c.LOAD_UNIT, c.LOAD_UNIT, wait, reason, row[c.LOAD_0 + ring])
    now[c.LOAD_ENDED_0 + ring] = walk.now[c.FREE + c.LOAD_UNIT]
    complete = walk.now[c.FREE + c.LOAD_UNIT] + walk.fixed[c.LATENCY]
    _move_own(walk, complete)
    return complete


@inlined
def _array(row, walk, loaded):
    """A block of array tiles; when its results are complete."""
    now, released, turn, slots = walk.now, walk.released, walk.turn, walk.fixed[c.SLOTS]
    wait, reason = loaded, c.FOR_LOAD
    if now[c.ARRAY_BEGUN] == 0:
        now[c.ARRAY_BEGUN] = 1
        if now[c.ARRAY_WAITS] > wait:
            wait, reason = now[c.ARRAY_WAITS], c.FOR_TENSOR
        if now[c.NOW_ARRAY_WRITES] and now[c.KEPT_WAITS] > wait:
            wait, reason = now[c.KEPT_WAITS], c.FOR_OVERWRITE
    if row[c.FLAGS] & c.OPENS:
        slot_free = released[c.ARRAY_RESULTS, turn[c.ARRAY_RESULTS]]
        turn[c.ARRAY_RESULTS] = after(turn[c.ARRAY_RESULTS], slots)
        if slot_free > wait:
            wait, reason = slot_free, c.FOR_SLOT
    start = _run_first(row, walk, c.ARRAY_UNIT, wait, reason, row[c.ARRAY])
    if now[c.FIRST_WORK] < 0:
        now[c.FIRST_WORK] = start
    for ring in range(c.VECTOR_OPERANDS):
        if row[c.FLAGS] & (c.RELEASE_0 << ring):
            _release(ring, now[c.FREE + c.ARRAY_UNIT], walk)
    finished = now[c.FREE + c.ARRAY_UNIT] + row[c.TAIL]
    _move_own(walk, finished)
    return finished


@inlined
def _vector(row, walk, loaded, tile):
    """The vector unit's work on a finished tile or, without an array, on a block of its own; when it ends."""
    now, released, turn, slots = walk.now, walk.released, walk.turn, walk.fixed[c.SLOTS]
    wait, reason = loaded, c.FOR_LOAD
    if tile > wait:
        wait, reason = tile, c.FOR_ARRAY
    if now[c.VECTOR_BEGUN] == 0:
        now[c.VECTOR_BEGUN] = 1
        if now[c.VECTOR_WAITS] > wait:
            wait, reason = now[c.VECTOR_WAITS], c.FOR_TENSOR
        if now[c.KEPT_WAITS] > wait and not now[c.NOW_ARRAY_WRITES]:
            wait, reason = now[c.KEPT_WAITS], c.FOR_OVERWRITE
    if row[c.ARRAY] < 0:
        slot_free = released[c.VECTOR_RESULTS, turn[c.VECTOR_RESULTS]]
        turn[c.VECTOR_RESULTS] = after(turn[c.VECTOR_RESULTS], slots)
        if slot_free > wait:
            wait, reason = slot_free, c.FOR_SLOT
        start = _run_first(row, walk, c.VECTOR_UNIT, wait, reason, row[c.VECTOR])
    else:
        start = run_unit(walk, now[c.NOW_OP], c.VECTOR_UNIT, c.VECTOR_UNIT, wait, reason, row[c.VECTOR])
    if now[c.FIRST_WORK] < 0:
        now[c.FIRST_WORK] = start
    _move_own(walk, now[c.FREE + c.VECTOR_UNIT])
    if row[c.FUSED] >= 0:
        if now[c.FIRST_FUSED] < 0:
            now[c.FIRST_FUSED] = now[c.FREE + c.VECTOR_UNIT]
        run_unit(walk, now[c.NOW_FUSED], c.VECTOR_UNIT, c.VECTOR_UNIT, np.int64(0), c.FOR_LOAD, row[c.FUSED])
        move(walk, now[c.NOW_FUSED], now[c.FREE + c.VECTOR_UNIT])
    if row[c.FLAGS] & (c.RELEASE_0 << c.VECTOR_OPERANDS):
        _release(c.VECTOR_OPERANDS, now[c.FREE + c.VECTOR_UNIT], walk)
    return now[c.FREE + c.VECTOR_UNIT]


@inlined
def _store(row, ring, slot, finished, walk):
    """A finished tile is stored: at once through a port of its own, in its turn through a shared one."""
    now = walk.now
    store = walk.pending[now[c.PENDING]]
    store[c.P_CYCLES], store[c.P_READY], store[c.P_AFTER] = row[c.STORE], finished, c.NEVER
    store[c.P_OWN] = c.NEVER
    if now[c.STORE_BEGUN] == 0:
        now[c.STORE_BEGUN] = 1
        store[c.P_AFTER] = now[c.STORE_WAITS]
    store[c.P_OP], store[c.P_RUN] = now[c.NOW_OP], now[c.RUN]
    store[c.P_DUE] = now[c.SEQUENCE] + walk.fixed[c.DELAY]
    store[c.P_RING], store[c.P_SLOT] = ring, slot
    store[c.P_LOW], store[c.P_HIGH] = now[c.NOW_LOW], now[c.NOW_HIGH]
    now[c.PENDING] += 1
    if not walk.fixed[c.SHARED]:
        run_oldest_store(walk)


@inlined
def _run_stores_of(tensor, walk):
    """All waiting stores of earlier runs of ops up to the last one that writes the tensor, in order."""
    count = 0
    for place in range(walk.now[c.PENDING]):
        store = walk.pending[place]
        if store[c.P_RUN] == walk.now[c.RUN]:
            break
        for ref in range(store[c.P_LOW], store[c.P_HIGH]):
            if c.STORED <= walk.refs[ref, c.HOW] <= c.STORED_PART and walk.refs[ref, c.TENSOR] == tensor:
                count = place + 1
    for _ in range(count):
        run_oldest_store(walk)


@inlined
def run_oldest_store(walk):
    """The first of the waiting stores takes the port; its slot is free, and its tensors complete, when it ends."""
    now, store = walk.now, walk.pending[0]
    port = c.LOAD_UNIT if walk.fixed[c.SHARED] else c.STORE_UNIT
    wait, reason = store[c.P_READY], c.FOR_ARRAY
    if store[c.P_AFTER] > wait:
        wait, reason = store[c.P_AFTER], c.FOR_OVERWRITE
    run_unit(walk, store[c.P_OP], port, c.STORE_UNIT, wait, reason, store[c.P_CYCLES])
    end = walk.now[c.FREE + port]
    slot_free = walk.released[store[c.P_RING], store[c.P_SLOT]]
    walk.released[store[c.P_RING], store[c.P_SLOT]] = max(slot_free, end)
    move(walk, store[c.P_OP], end)
    if store[c.P_RUN] == now[c.RUN]:
        own = walk.peaks[now[c.LEVEL]]
        own[c.SAVED] = max(own[c.SAVED], end)
        own[c.OWN] = max(own[c.OWN], end)
    else:
        walk.totals[store[c.P_OP], c.SPAN] += max(0, end - store[c.P_OWN])
        for place in range(1, now[c.PENDING]):
            if walk.pending[place, c.P_RUN] == store[c.P_RUN]:
                walk.pending[place, c.P_OWN] = max(walk.pending[place, c.P_OWN], end)
        for ref in range(store[c.P_LOW], store[c.P_HIGH]):
            if c.STORED <= walk.refs[ref, c.HOW] <= c.STORED_PART:
                tensor = walk.refs[ref, c.TENSOR]
                walk.ready[tensor] = max(walk.ready[tensor], end)
        wait_for_loaded(walk)
    now[c.PENDING] -= 1
    for place in range(now[c.PENDING]):
        for column in range(c.PENDING_COLUMNS):
            walk.pending[place, column] = walk.pending[place + 1, column]
