"""Addresses of all buffers of one plan, and which dead buffers each of them overwrites.

On tables, because planning asks for very many plans.
The columns are in `kernels/placing_code.py`.
"""

import numpy as np

from hwsim.kernels import placing_code as c
from hwsim.kernels.jit import inlined, lean


@lean
def place(size, working, buffers, fixed, partial, allocations, high_water, present):
    """Give each of `buffers` in order the lowest address that is free in its live range; how many got one.

    `working[places]`: bytes of the slots of the op in each place, which buffers live there leave free. The first
    `fixed` buffers are placed as a whole or not at all; of each of the others, if `partial`, as many of the first rows
    as fit within its limit, and what ends before it begins is forgotten.

    Filled are allocations[n, ALLOCATION] and high_water[places], for each place the highest byte in use plus one.
    present[n, BLOCK] is scratch room.
    """
    high_water[:] = 0
    blocks = placed = 0
    soonest = np.int64(c.ALL)  # the last place of the block that ends first
    first, last, most = np.int64(0), np.int64(-1), np.int64(0)
    for number in range(buffers.shape[0]):
        buffer, allocation = buffers[number], allocations[number]
        allocation[c.KEPT] = allocation[c.ADDRESS] = allocation[c.END] = 0
        if number >= fixed and soonest < buffer[c.FIRST]:
            blocks, soonest = _retire(present, blocks, buffer[c.FIRST], high_water)
        limit = buffer[c.ROW_LIMIT]
        if limit == 0:
            continue
        if buffer[c.FIRST] != first or buffer[c.LAST] != last:  # residents of one loop come together
            first, last = buffer[c.FIRST], buffer[c.LAST]
            most = working[first]
            for op in range(first + 1, last + 1):
                most = max(most, working[op])
        kept, taken = limit, buffer[c.BYTES] if limit == c.ALL else np.int64(c.ALL)  # ALL bytes fit nowhere
        address, before, below, gap = _find(present, blocks, first, last, size - most, taken)
        if address < 0:
            if number < fixed or not partial:
                continue
            kept = _rows_that_fit(buffer, gap)
            if kept == 0:
                continue
            taken = kept * (buffer[c.BYTES] // buffer[c.ALL_ROWS])
            address, before, below, gap = _find(present, blocks, first, last, size - most, taken)
        allocation[c.KEPT], allocation[c.ADDRESS], allocation[c.END] = kept, address, address + taken
        blocks = _keep(present, blocks, before, below, first, last, address, address + taken)
        soonest = min(soonest, last)
        placed += 1
    _retire(present, blocks, np.int64(c.ALL), high_water)
    return placed


@inlined
def _find(present, blocks, first, last, room, taken):
    """The lowest address of so many free bytes, the block before which and the one on top of which they lie.

    Without one (-1): the most consecutive bytes that are free, as fourth value.
    """
    address, below, gap = np.int64(0), np.int64(-1), np.int64(0)
    for number in range(blocks):
        if present[number, c.B_LAST] < first or last < present[number, c.B_FIRST]:
            continue
        if present[number, c.B_ADDRESS] > address:
            free = min(present[number, c.B_ADDRESS], room) - address
            if free >= taken:
                return address, np.int64(number), below, gap
            gap = max(gap, free)
        if present[number, c.B_END] > address:
            address, below = present[number, c.B_END], np.int64(number)
            if address > room:  # not even a buffer of no bytes fits higher up
                break
    if room > address:
        if room - address >= taken:
            return address, np.int64(blocks), below, gap
        gap = max(gap, room - address)
    return np.int64(-1), np.int64(0), np.int64(0), gap


@inlined
def _rows_that_fit(buffer, gap):
    """How many of the first rows fit into the gap and the limit, in whole units."""
    all_rows = buffer[c.ALL_ROWS]
    row_bytes = buffer[c.BYTES] // all_rows if all_rows else 0
    if row_bytes == 0:
        return np.int64(0)
    unit = (all_rows + c.PREFIX_UNITS - 1) // c.PREFIX_UNITS
    units = min(buffer[c.ROW_LIMIT], all_rows - 1, gap // row_bytes) // unit
    return np.int64(0) if buffer[c.BARRED] >> units & 1 else units * unit


@inlined
def _keep(present, blocks, before, below, first, last, address, end):
    """Put these bytes among the blocks, which are in the order of their addresses; how many blocks there are then.

    What is live as long as the block right below makes that block higher: so the many residents of one loop are one
    block, past which every later search steps at once. The gaps beside the blocks stay the same.
    """
    if below >= 0 and present[below, c.B_FIRST] == first and present[below, c.B_LAST] == last:
        present[below, c.B_END] = end
        return blocks
    while before > 0 and present[before - 1, c.B_ADDRESS] > address:  # blocks that were not met
        before -= 1
    for number in range(blocks, before, -1):
        for column in range(c.BLOCK):
            present[number, column] = present[number - 1, column]
    present[before, c.B_ADDRESS], present[before, c.B_END] = address, end
    present[before, c.B_FIRST], present[before, c.B_LAST] = first, last
    return blocks + 1


@inlined
def _retire(present, blocks, place, high_water):
    """Forget the blocks that end before that place; how many stay, and the last place of the one that ends first."""
    stay, soonest = 0, np.int64(c.ALL)
    for number in range(blocks):
        first, last, end = present[number, c.B_FIRST], present[number, c.B_LAST], present[number, c.B_END]
        if last < place:
            for op in range(first, last + 1):
                high_water[op] = max(high_water[op], end)
        else:
            soonest = min(soonest, last)
            if stay < number:
                for column in range(c.BLOCK):
                    present[stay, column] = present[number, column]
            stay += 1
    return stay, soonest


@lean
def overwritten(buffers, allocations, loops, dead, dead_at, scratch, parts, log):
    """Which dead buffers each of `buffers` overwrites: the last ones that lay on its bytes before it.

    In a loop the first buffer of an iteration overwrites the last buffer of the iteration before, so the buffers of a
    loop take their bytes twice. loops[n]: the number of the outermost loop around each buffer, -1 for none; numbers
    are less than n.

    Those of buffer i come to dead[dead_at[i] : dead_at[i + 1]]. Returned is how many there are in all, or -1 if `dead`
    has no room for them, and is untouched; DEAD_ROOM · n is always room enough. (Each time that a buffer takes its
    bytes, it makes at most two parts more, so it meets no more than three parts on average, and it does so twice.)
    scratch[SCRATCH, n], parts[PARTS_ROOM · n, PART] and log[LOG_ROOM · n] are scratch room.
    """
    count = _sort(buffers, allocations, scratch)
    _chain(loops, scratch, count)
    ordered, following, seen = scratch[c.SORTED], scratch[c.FOLLOWING], scratch[c.SEEN]
    seen[:] = -1
    scratch[c.TURN : c.AGAIN + 1] = -1
    held = length = total = turns = 0
    for place in range(count):
        loop = loops[ordered[place]]
        if loop >= 0 and scratch[c.HEADS, loop] != place:
            continue  # it took its bytes with the first buffer of its loop
        for row in range(c.TURN, c.AGAIN + 1 if loop >= 0 else c.TURN + 1):
            member = np.int64(place)
            while member >= 0:
                number = ordered[member]
                turns += 1
                if row == c.AGAIN:  # what it overwrote before is listed
                    start = scratch[c.TURN, number]
                    for entry in range(start + 1, start + 1 + log[start]):
                        seen[log[entry]] = turns
                scratch[row, number] = length
                held = _take(number, turns, buffers, allocations, parts, held, seen, log, length)
                total += log[length]
                length += 1 + log[length]
                member = following[member] if loop >= 0 else np.int64(-1)
    if total > dead.shape[0]:
        return -1
    total = 0
    for number in range(buffers.shape[0]):
        dead_at[number] = total
        for row in range(c.TURN, c.AGAIN + 1):
            start = scratch[row, number]
            if start >= 0:
                for entry in range(start + 1, start + 1 + log[start]):
                    dead[total] = log[entry]
                    total += 1
    dead_at[buffers.shape[0]] = total
    return total


@inlined
def _take(number, turn, buffers, allocations, parts, held, seen, log, length):
    """Make the bytes of a buffer its own; how many parts there are then.

    The log gets how many dead buffers they belonged to which this turn has not seen, and their numbers.
    """
    first, last = buffers[number, c.FIRST], buffers[number, c.LAST]
    start, end = allocations[number, c.ADDRESS], allocations[number, c.END]
    low, rest = np.int64(0), np.int64(held)
    while rest > 0:
        half = rest >> 1
        if parts[low + half, c.PART_END] <= start:
            low += half + 1
            rest -= half + 1
        else:
            rest = half
    high, found = low, 0
    while high < held and parts[high, c.PART_START] < end:
        owner = parts[high, c.PART_OWNER]
        if (
            seen[owner] != turn
            and owner != number
            and (buffers[owner, c.LAST] < first or last < buffers[owner, c.FIRST])
        ):
            seen[owner] = turn
            found += 1
            log[length + found] = owner
        high += 1
    log[length] = found
    behind = low + 1
    if low < high:
        below, above = parts[low, c.PART_START] < start, end < parts[high - 1, c.PART_END]
        above_end, above_owner = parts[high - 1, c.PART_END], parts[high - 1, c.PART_OWNER]
        behind += below + above
        _move(parts, high, held, behind - high)
        if below:
            parts[low, c.PART_END] = start
            low += 1
        if above:
            parts[low + 1, c.PART_START], parts[low + 1, c.PART_END] = end, above_end
            parts[low + 1, c.PART_OWNER] = above_owner
    else:
        _move(parts, high, held, 1)
    parts[low, c.PART_START], parts[low, c.PART_END], parts[low, c.PART_OWNER] = start, end, number
    return held + behind - high


@inlined
def _move(parts, low, high, by):
    """Move the parts from `low` to `high` - 1 up, or down if `by` is negative."""
    if by > 0:
        for number in range(high - 1, low - 1, -1):
            for column in range(c.PART):
                parts[number + by, column] = parts[number, column]
    elif by < 0:
        for number in range(low, high):
            for column in range(c.PART):
                parts[number + by, column] = parts[number, column]


@inlined
def _chain(loops, scratch, count):
    """Chain the buffers of each loop in order, from the first, by their places in the order."""
    ordered, following, heads = scratch[c.SORTED], scratch[c.FOLLOWING], scratch[c.HEADS]
    heads[:] = -1
    for place in range(count - 1, -1, -1):
        loop = loops[ordered[place]]
        if loop >= 0:
            following[place] = heads[loop]
            heads[loop] = place


@inlined
def _sort(buffers, allocations, scratch):
    """The buffers that have a place, sorted by where they begin and then by address; how many there are.

    Runs that are in order are merged two by two: residents come nearly sorted, activations too.
    """
    ordered, spare = scratch[c.SORTED], scratch[c.SPARE]
    count = 0
    for number in range(buffers.shape[0]):
        if allocations[number, c.KEPT] != 0:
            ordered[count] = number
            count += 1
    while _run_end(ordered, 0, count, buffers, allocations) < count:
        low = 0
        while low < count:
            middle = _run_end(ordered, low, count, buffers, allocations)
            high = _run_end(ordered, middle, count, buffers, allocations)
            left, right = low, middle
            for place in range(low, high):
                if right == high or (
                    left < middle and not _before(ordered[right], ordered[left], buffers, allocations)
                ):
                    spare[place] = ordered[left]
                    left += 1
                else:
                    spare[place] = ordered[right]
                    right += 1
            low = high
        for place in range(count):
            ordered[place] = spare[place]
    return count


@inlined
def _run_end(ordered, place, count, buffers, allocations):
    """Where the buffers that are in order from that place on end."""
    place += 1
    while place < count and not _before(ordered[place], ordered[place - 1], buffers, allocations):
        place += 1
    return min(place, count)


@inlined
def _before(one, other, buffers, allocations):
    if buffers[one, c.FIRST] != buffers[other, c.FIRST]:
        return buffers[one, c.FIRST] < buffers[other, c.FIRST]
    return allocations[one, c.ADDRESS] < allocations[other, c.ADDRESS]
