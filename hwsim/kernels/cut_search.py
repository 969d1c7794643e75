"""The search for the cuts of a plan's ops: the fastest on a chip that does nothing else, or those with least traffic.

Searching is apart from walking: `find_cuts` looks up the cuts of a plan and lists the candidates that must be walked
before it can say more, `next_candidates` goes on with those, and `cut_walks.walk_cuts` walks them all at once.
"""

import numpy as np

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels.blocks import bit_length, loaded_bytes, most_rows, naive_block, naive_rows
from hwsim.kernels.candidates import candidates
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.oblong import about
from hwsim.kernels.tiling_bytes import held_bytes, held_rows_bytes
from hwsim.kernels.tilings import known_cut, tiling_of, write_key


@lean
def find_cuts(ops, store, kept, resident, high_water, size, how, key, cuts):
    """Find the cut of each op in a plan; DONE, FULL, or the number of an op that cannot be cut.

    `how` each op is to be cut are bits of the store. `kept` are rows of tensors that are kept, `resident` rows of tiles
    that are resident, by spot; `high_water` the bytes in use by place. `cuts` become the numbers of cuts where they are
    below 0; PENDING stands for one that is not known yet, that of an op that cannot be cut says why. What must be done
    first is added to `errands` and `searches`.
    """
    for op in range(ops.table.shape[0]):
        if cuts[op] >= 0:
            continue
        if _is_full(store):
            return s.FULL
        write_key(ops, op, kept, resident, key)
        tiling = tiling_of(ops, op, key, store)
        free = size - high_water[ops.table[op, s.PLACE]]
        cuts[op] = _cut(tiling, free, how[op], store)
        if cuts[op] < s.PENDING:
            return op
    return s.DONE


@inlined
def _is_full(store):
    counts = store.counts
    return (
        counts[s.TILINGS] + 1 >= store.keys.shape[0]
        or counts[s.BLOCKS] + store.listed.shape[0] > store.blocks.shape[0]
        or counts[s.ERRANDS] + s.BUDGETS + 1 >= store.errands.shape[0]
        or counts[s.SEARCHES] + 1 >= store.searches.shape[0]
    )


@lean
def _cut(tiling, free, how, store):
    """The cut of a tiling within so many bytes, PENDING if it is not known yet, or why there is none."""
    op, is_product = store.tilings[tiling], store.states[tiling, s.OF_PRODUCT]
    if how & s.NAIVE:
        if is_product:
            outer, inner, k = naive_block(free, op)
            if held_bytes(outer, inner, k, op) * op[t.SLOTS] <= free:
                return _other(tiling, outer, inner, k, store)
        elif held_rows_bytes(np.int64(1), op) * op[t.SLOTS] <= free:
            return _other(tiling, naive_rows(free, op), np.int64(0), np.int64(0), store)
    if store.states[tiling, s.CANDIDATES] == s.UNKNOWN:
        _add_candidates(tiling, store)
    any_block = is_product and how & s.ANY_BLOCK > 0
    state = store.states[tiling]
    if state[s.LARGEST_WITHIN] != free or state[s.LARGEST_OF_ANY] != any_block:
        state[s.LARGEST] = _largest(tiling, free, any_block, store)
        state[s.LARGEST_WITHIN], state[s.LARGEST_OF_ANY] = free, any_block
    largest = state[s.LARGEST]
    if largest < 0:
        return np.int64(s.NOTHING_FITS)
    kind = s.FASTEST_0 + 2 * (how // s.LATENCY_0)
    if is_product:
        kind = s.LEAST_TRAFFIC if how & s.MIN_TRAFFIC else kind + (how & s.NEAR_FASTEST > 0)
    way = 2 * kind + any_block
    first = store.states[tiling, s.FIRST]
    best = store.best[first + largest, way]
    if best == s.UNKNOWN:
        best = store.best[first + largest, way] = _searched(tiling, way, largest, store)
        if best == s.PENDING:
            search = store.searches[store.counts[s.SEARCHES]]
            store.counts[s.SEARCHES] += 1
            search[s.S_TILING], search[s.S_WAY], search[s.S_LARGEST] = tiling, way, largest
    if best < 0:
        return best
    return _kept(tiling, store.blocks[first + best], store)


@inlined
def _other(tiling, outer, inner, k, store):
    """The number of a cut into blocks that are no candidate; they are told in the next errand, which is free."""
    block = store.errands[store.counts[s.ERRANDS], s.W_BLOCK :]
    block[t.B_OUTER], block[t.B_INNER], block[t.B_K], block[t.B_SWAPPED], block[t.B_SINGLE] = outer, inner, k, 0, 0
    return _kept(tiling, block, store)


@lean
def next_candidates(store):
    """Go on with the searches after their candidates were walked: they list further candidates, or cuts to keep.

    How many are not at their end.
    """
    left = 0
    for place in range(store.counts[s.SEARCHES]):
        search = store.searches[place]
        tiling, way, largest = search[s.S_TILING], search[s.S_WAY], search[s.S_LARGEST]
        best, first = np.int64(s.PENDING), store.states[tiling, s.FIRST]
        if store.counts[s.ERRANDS] + s.BUDGETS + 1 < store.errands.shape[0]:
            best = store.best[first + largest, way] = _searched(tiling, way, largest, store)
        if best == s.PENDING:
            store.searches[left, s.S_TILING], store.searches[left, s.S_WAY] = tiling, way
            store.searches[left, s.S_LARGEST] = largest
            left += 1
        elif best >= 0:
            _kept(tiling, store.blocks[first + best], store)
    store.counts[s.SEARCHES] = left
    return left


@lean
def _add_candidates(tiling, store):
    """List the candidates of a tiling."""
    op, blocks, first = store.tilings[tiling], store.listed, store.counts[s.BLOCKS]
    if store.states[tiling, s.OF_PRODUCT]:
        count = candidates(op, blocks)
    else:
        most = held_rows_bytes(op[t.ROWS], op) * op[t.SLOTS]
        count = bit_length(max(np.int64(0), most - 1)) + 1
        for power in range(count):
            rows = max(np.int64(1), most_rows((np.int64(1) << power) // op[t.SLOTS], op))
            for side in range(t.SIDES):
                blocks[power, side] = 0
            blocks[power, t.B_OUTER] = rows
    store.states[tiling, s.CANDIDATES], store.states[tiling, s.FIRST] = count, first
    store.states[tiling, s.LARGEST_OF_ANY] = s.UNKNOWN
    store.counts[s.BLOCKS] += count
    for place in range(count):
        for column in range(t.BLOCK):
            store.blocks[first + place, column] = blocks[place, column]
        for latency in range(store.cycles.shape[1]):
            store.cycles[first + place, latency] = s.UNKNOWN
        for way in range(store.best.shape[1]):
            store.best[first + place, way] = s.UNKNOWN


@lean
def _largest(tiling, free, any_block, store):
    """The candidate that holds most within so many bytes; of ops of the vector unit the largest budget. -1: none."""
    op, first, count = store.tilings[tiling], store.states[tiling, s.FIRST], store.states[tiling, s.CANDIDATES]
    blocks = store.blocks[first:]
    if not store.states[tiling, s.OF_PRODUCT]:
        if held_rows_bytes(np.int64(1), op) * op[t.SLOTS] > free:
            return np.int64(-1)
        return count - 1 if held_rows_bytes(op[t.ROWS], op) * op[t.SLOTS] <= free else bit_length(free) - 1
    largest = np.int64(-1)
    for place in range(count):
        held = blocks[place, t.B_HELD]
        listed = any_block or blocks[place, t.B_SQUARE]
        if listed and held <= free and (largest < 0 or held > blocks[largest, t.B_HELD]):
            largest = np.int64(place)
    return largest


@lean
def _searched(tiling, way, largest, store):
    """The best candidate that holds no more than the largest one; PENDING, if candidates must be walked first."""
    any_block, kind = way % 2 == 1, way // 2
    if kind == s.LEAST_TRAFFIC:
        return _least_traffic(tiling, largest, any_block, store)
    latency, near = (kind - s.FASTEST_0) // 2, (kind - s.FASTEST_0) % 2 == 1
    if store.states[tiling, s.OF_PRODUCT]:
        return _fastest_block(tiling, latency, near, largest, any_block, store)
    return _fastest_rows(tiling, latency, largest, store)


@lean
def _fastest_block(tiling, latency, near, largest, any_block, store):
    """The fastest candidate with a DRAM of that latency, or, if `near`, of about as fast ones the one that loads least.

    Candidates are tried by rising bounds, until a bound reaches the time of the best candidate. Once no cut is walked
    any more, it is the best of those that were, or the one with the lowest bound, if none was.
    """
    first, best, lowest = store.states[tiling, s.FIRST], np.int64(s.NOTHING_FITS), np.int64(s.NOTHING_FITS)
    blocks, cycles = store.blocks[first:], store.cycles[first:, latency]
    for place in range(store.states[tiling, s.CANDIDATES]):
        if best >= 0 and blocks[place, t.B_BOUND] >= (about(cycles[best]) + 1 if near else cycles[best]):
            break
        if not _may_be_taken(blocks, place, largest, any_block):
            continue
        if cycles[place] == s.UNKNOWN:
            if _has_ended(store):
                lowest = np.int64(place) if lowest < 0 else lowest
                continue
            _walk_later(tiling, latency, place, store)
        if cycles[place] == s.PENDING:
            return np.int64(s.PENDING)
        if cycles[place] < 0:
            return np.int64(s.TOO_LONG)
        if best < 0 or cycles[place] < cycles[best]:
            best = np.int64(place)
    if best < 0:
        return lowest
    return _least_of_near(tiling, latency, best, largest, any_block, store) if near else best


@inlined
def _has_ended(store):
    """Whether no cut is walked any more, though one is asked for."""
    ended = store.counts[s.STEPS] >= store.counts[s.MOST_STEPS]
    if ended:
        store.counts[s.ENDED] = 1
    return ended


@inlined
def _may_be_taken(blocks, place, largest, any_block):
    """Whether a candidate holds no more than the largest one, and is of a kind that is asked for."""
    return blocks[place, t.B_HELD] <= blocks[largest, t.B_HELD] and (any_block or blocks[place, t.B_SQUARE] > 0)


@inlined
def _least_of_near(tiling, latency, fastest, largest, any_block, store):
    """Of the candidates about as fast as the fastest the one that loads least, of equals the fastest."""
    op, first = store.tilings[tiling], store.states[tiling, s.FIRST]
    blocks, cycles = store.blocks[first:], store.cycles[first:, latency]
    best, least = fastest, np.int64(-1)
    for place in range(store.states[tiling, s.CANDIDATES]):
        row = blocks[place]
        if not _may_be_taken(blocks, place, largest, any_block) or cycles[place] < 0:
            continue
        if cycles[place] <= about(cycles[fastest]):
            loaded = loaded_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED], op)
            if least < 0 or loaded < least or (loaded == least and cycles[place] < cycles[best]):
                best, least = np.int64(place), loaded
    return best


@lean
def _fastest_rows(tiling, latency, largest, store):
    """The budget whose block of rows is fastest, of equals the largest.

    Once no cut is walked any more, it is one of those that were, or the largest, if none was.
    """
    first, best = store.states[tiling, s.FIRST], np.int64(largest)
    blocks, cycles = store.blocks[first:], store.cycles[first:, latency]
    least = max(np.int64(-1), largest - s.BUDGETS)
    alike = True
    for power in range(largest, least, -1):
        alike = alike and blocks[power, t.B_OUTER] == blocks[largest, t.B_OUTER]
    if alike:
        return best
    pending = False
    for power in range(largest, least, -1):
        if power < largest and blocks[power, t.B_OUTER] == blocks[power + 1, t.B_OUTER]:
            continue
        if cycles[power] == s.UNKNOWN:
            if _has_ended(store):
                continue
            _walk_later(tiling, latency, power, store)
        pending = pending or cycles[power] == s.PENDING
        if cycles[power] == s.TOO_LONG:
            return np.int64(s.TOO_LONG)
        if not pending and (cycles[best] < 0 or cycles[power] < cycles[best]):
            best = np.int64(power)
    return np.int64(s.PENDING) if pending else best


@inlined
def _walk_later(tiling, latency, place, store):
    candidate = store.states[tiling, s.FIRST] + place
    _later(tiling, latency, place, store.blocks[candidate], store)
    store.cycles[candidate, latency] = s.PENDING


@inlined
def _later(tiling, latency, place, block, store):
    row = store.errands[store.counts[s.ERRANDS]]
    store.counts[s.ERRANDS] += 1
    row[s.W_TILING], row[s.W_LATENCY], row[s.W_PLACE] = tiling, latency, place
    for side in range(t.SIDES):
        row[s.W_BLOCK + side] = block[side]


@lean
def _least_traffic(tiling, largest, any_block, store):
    """The candidate that loads least; of equals the one with the lowest bound. Ops of the vector unit load all once."""
    op, blocks = store.tilings[tiling], store.blocks[store.states[tiling, s.FIRST] :]
    best, least = np.int64(s.NOTHING_FITS), np.int64(0)
    for place in range(store.states[tiling, s.CANDIDATES]):
        row = blocks[place]
        if _may_be_taken(blocks, place, largest, any_block):
            loaded = loaded_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED], op)
            if best < 0 or loaded < least:
                best, least = np.int64(place), loaded
    return best


@lean
def _kept(tiling, block, store):
    """The number of a cut, or PENDING, if it must be made first."""
    cut = known_cut(tiling, block, store)
    if cut >= 0:
        return cut if store.cuts[cut, s.ROWS] > 0 else np.int64(s.TOO_LONG)
    _later(tiling, s.KEEP, 0, block, store)
    return np.int64(s.PENDING)
