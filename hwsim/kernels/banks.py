"""Transfers through the banks of a DRAM: each burst in order, at the first cycle that all timings allow.

A channel begins its bursts in order, out of a queue in which rows are opened and closed ahead of their turn. When the
queue takes a burst, the first cycles are known at which its row can be closed, opened and read: each is the latest of
what the timings demand of commands before it. A burst that would begin at or after a refresh is due begins behind it.
"""

from hwsim.kernels import banks_code as c
from hwsim.kernels.jit import inlined, lean


@lean
def replay(transfers, memory, until):
    """Run the transfers; until the cycle `until` at least the memory is refreshed, later if all are late."""
    counts, fixed = memory.counts, memory.fixed
    finished = flat_finished = late = 0
    for number in range(transfers.starts.shape[0]):
        if counts[c.READS] + counts[c.WRITES] >= fixed[c.LIMIT]:
            break
        begun, promised = transfers.starts[number] + late, transfers.promised[number]
        moved, end = _transfer(transfers, memory, number, begun)
        counts[c.TRANSFERS] += 1
        if moved == 0:
            continue
        kind = transfers.kinds[number]
        counts[c.BYTES + kind] += moved
        counts[c.BUSY + kind] += max(0, end - max(begun, finished))
        finished = max(finished, end)
        counts[c.FLAT_BUSY] += max(0, promised - max(transfers.starts[number], flat_finished))
        flat_finished = max(flat_finished, promised)
        late = max(late, end - promised)
    counts[c.LATE] = late
    counts[c.TOTAL] = max(finished, until + late)
    for channel in range(fixed[c.CHANNELS]):
        state = memory.channel[channel]
        while state[c.DUE] < counts[c.TOTAL]:
            _refresh(memory, channel)
        memory.bus[channel, c.IDLE] += counts[c.TOTAL] - state[c.BUS_END]
        if state[c.OPEN] == 0:
            state[c.CLOSED] += max(0, counts[c.TOTAL] - state[c.SINCE])


@inlined
def _transfer(transfers, memory, number, begun):
    """How many bytes a transfer moves, and when the last of them is there."""
    size, moved, end = memory.fixed[c.BURST_BYTES], 0, begun
    kind, first = transfers.kinds[number], True
    for portion in range(transfers.portion_at[number], transfers.portion_at[number + 1]):
        tensor, left = transfers.tensors[portion], transfers.sizes[portion]
        moved += left
        while left > 0:
            at = transfers.cursor[kind, tensor]
            part = min(left, transfers.length[tensor] - at)
            address = transfers.base[tensor] + at
            for burst in range(address // size, (address + part - 1) // size + 1):
                there = _burst(memory, burst, kind, begun)
                if first:
                    memory.first[number] = there - begun
                    first = False
                end = max(end, there)
            transfers.cursor[kind, tensor] = (at + part) % transfers.length[tensor]
            left -= part
    return moved, end


@inlined
def _burst(memory, burst, kind, begun):
    """When the data of a burst have passed; all that the memory does for it is noted."""
    fixed, counts = memory.fixed, memory.counts
    groups, banks = fixed[c.GROUPS], fixed[c.BANKS] // fixed[c.GROUPS]
    grain = burst // fixed[c.GRAIN]
    channel = grain % fixed[c.CHANNELS]
    place = grain // fixed[c.CHANNELS] * fixed[c.GRAIN] + burst % fixed[c.GRAIN]
    in_group = place // groups // fixed[c.ROW]
    group, number, row = place % groups, place % groups * banks + in_group % banks, in_group // banks
    state, bank, of_group = memory.channel[channel], memory.bank[channel, number], memory.group[channel, group]
    slot = state[c.TAKEN] % fixed[c.QUEUE]
    asked = max(begun, memory.queue[channel, slot])
    write = kind == c.WRITE
    while True:
        was, close = bank[c.B_ROW], asked
        opened = bank[c.B_ACTIVATE]
        if was != row:
            ready = asked
            if was != c.CLOSED_ROW:
                close = max(asked, bank[c.B_CLOSABLE])
                ready = close + fixed[c.RP]
            opened = max(
                max(max(ready, state[c.REFRESHED]), bank[c.B_ACTIVATE] + fixed[c.RC]),
                max(
                    max(state[c.LAST_ACTIVATE] + fixed[c.RRD], of_group[c.G_ACTIVATE] + fixed[c.RRD_LONG]),
                    memory.activates[channel, state[c.OPENED] % c.FOUR] + fixed[c.FAW],
                ),
            )
        if write:
            turned = state[c.LAST_READ] + fixed[c.RTW]
        else:
            written = fixed[c.CWL] + fixed[c.BURST]
            turned = max(
                state[c.LAST_WRITE] + written + fixed[c.WTR], of_group[c.G_WRITE] + written + fixed[c.WTR_LONG]
            )
        grouped = of_group[c.G_COLUMN] + fixed[c.CCD_LONG]
        column = max(max(max(asked, opened + fixed[c.RCD]), state[c.COLUMN] + fixed[c.CCD]), max(turned, grouped))
        if column < state[c.DUE]:
            break
        _refresh(memory, channel)
    if was == row:
        counts[c.HITS] += 1
    else:
        if was == c.CLOSED_ROW:
            counts[c.EMPTY] += 1
            if state[c.OPEN] == 0:
                state[c.CLOSED] += opened - state[c.SINCE]
            state[c.OPEN] += 1
        else:
            counts[c.CONFLICTS] += 1
            counts[c.PRECHARGES] += 1
            _note(memory, close, c.PRECHARGE, channel, number, was)
        _note(memory, opened, c.ACTIVATE, channel, number, row)
        memory.activates[channel, state[c.OPENED] % c.FOUR] = opened
        state[c.OPENED] += 1
        state[c.LAST_ACTIVATE] = of_group[c.G_ACTIVATE] = bank[c.B_ACTIVATE] = opened
        bank[c.B_ROW], bank[c.B_CLOSABLE] = row, opened + fixed[c.RAS]
    _note(memory, column, kind, channel, number, row)
    state[c.COLUMN] = of_group[c.G_COLUMN] = column
    if write:
        state[c.LAST_WRITE] = of_group[c.G_WRITE] = column
        data = column + fixed[c.CWL]
        closable = data + fixed[c.BURST] + fixed[c.WR]
    else:
        state[c.LAST_READ] = column
        data = column + fixed[c.CL]
        closable = column + fixed[c.RTP]
    bank[c.B_CLOSABLE] = max(bank[c.B_CLOSABLE], closable)
    counts[c.READS + kind] += 1
    memory.queue[channel, slot] = column
    state[c.TAKEN] += 1
    _use_bus(memory, channel, asked, turned + data - column, grouped + data - column, data)
    latency = data + fixed[c.BURST] - asked
    counts[c.LATENCY] += latency
    counts[c.LONGEST] = max(counts[c.LONGEST], latency)
    memory.histogram[min(latency, memory.histogram.shape[0] - 1)] += 1
    return data + fixed[c.BURST]


@inlined
def _use_bus(memory, channel, asked, turned, grouped, data):
    """What the data bus did since its last burst; of several reasons to wait the first one counts."""
    state, bus = memory.channel[channel], memory.bus[channel]
    now = state[c.BUS_END]
    then = min(max(now, asked), data)
    bus[c.IDLE] += then - now
    now, then = then, min(max(then, state[c.REFRESHED]), data)
    bus[c.FOR_REFRESH] += then - now
    now, then = then, min(max(then, turned), data)
    bus[c.TURNAROUND] += then - now
    now, then = then, min(max(then, grouped), data)
    bus[c.FOR_GROUP] += then - now
    bus[c.FOR_ROW] += data - then
    bus[c.DATA] += memory.fixed[c.BURST]
    state[c.BUS_END] = data + memory.fixed[c.BURST]


@inlined
def _refresh(memory, channel):
    """Close all rows of a channel, and refresh it."""
    fixed, state, banks = memory.fixed, memory.channel[channel], memory.bank[channel]
    close = at = state[c.DUE]
    for number in range(fixed[c.BANKS]):
        if banks[number, c.B_ROW] != c.CLOSED_ROW:
            close = max(close, banks[number, c.B_CLOSABLE])
    if state[c.OPEN] > 0:
        at = close + fixed[c.RP_ALL]
        state[c.SINCE] = close
        memory.counts[c.PRECHARGES] += state[c.OPEN]
        _note(memory, close, c.PRECHARGE_ALL, channel, 0, state[c.OPEN])
    at = max(at, state[c.REFRESHED])
    for number in range(fixed[c.BANKS]):
        at = max(at, banks[number, c.B_ACTIVATE] + fixed[c.RC])
        banks[number, c.B_ROW] = c.CLOSED_ROW
    state[c.OPEN] = 0
    state[c.REFRESHED] = at + fixed[c.RFC]
    state[c.DUE] += fixed[c.REFI]
    memory.counts[c.REFRESHES] += 1
    _note(memory, at, c.REFRESH, channel, 0, 0)


@inlined
def _note(memory, time, command, channel, bank, row):
    """Write a command into the log, if it has room."""
    place = memory.counts[c.LOGGED]
    if place < memory.log.shape[0]:
        line = memory.log[place]
        line[c.L_TIME], line[c.L_COMMAND], line[c.L_CHANNEL] = time, command, channel
        line[c.L_BANK], line[c.L_ROW] = bank, row
        memory.counts[c.LOGGED] += 1
