"""Cycles in which the banks of a scratchpad serve the words of a stream, counted over its periods.

A stream is lines of elements, one on each lane. Lanes lie along the `fixed` axes, and from line to line all of them
move along the `moved` axes. Axes are rows of counts and strides in bits, the outermost first.

An element asks for the words it lies in, but not for the word that was asked for last, nor for the one in which its
lane's element before it ended. A port takes words in groups, in order, and a group as many cycles as its most loaded
bank has words in it. The tables `lanes` (where a lane lies, its last word), `loads` (words of each bank in the open
group, `asked` the bank of each word in it) and `state` have a row more for each of the two loops: what they held when a
period may have begun.
"""

import numpy as np

from hwsim.kernels.jit import inlined, lean

COUNT, STRIDE, AXIS = 0, 1, 2
# How a stream is asked for: bits of an element, of a word; banks, words of a group; lanes of a line.
BITS, WORD, BANKS, GROUP, LANES = 0, 1, 2, 3, 4
AT, LAST_OF_LANE = 0, 1
# The open group's words, its most loaded bank, the last word asked for, cycles so far; when that was, in steps of a
# loop; how many places were looked at since, and how many before another one is kept.
OPEN, PEAK, LAST, CYCLES, WHEN, SINCE, PATIENCE, STATE = 0, 1, 2, 3, 4, 5, 6, 7
NOW, INNER, OUTER, LEVELS = 0, 1, 2, 3
AT_A_TIME, SHIFT, PLACES = 0, 1, 2


@inlined
def _size(axes):
    """The positions along all axes."""
    size = np.int64(1)
    for axis in range(axes.shape[0]):
        size *= axes[axis, COUNT]
    return size


@inlined
def _offset(axes, position):
    """Where a position lies, in bits."""
    offset = np.int64(0)
    for axis in range(axes.shape[0] - 1, -1, -1):
        offset += position % axes[axis, COUNT] * axes[axis, STRIDE]
        position //= axes[axis, COUNT]
    return offset


@inlined
def _gcd(first, second):
    while second:
        first, second = second, first % second
    return first


@lean
def _pace(axes, at_once, how):
    """How many positions, whole lines of so many at once, lie alike again and again; by how many bits they move from
    one time to the next; and after how many times all addresses may lie on the same banks again."""
    inside = _size(axes) // axes[0, COUNT]
    times = at_once // _gcd(inside, at_once)
    shift, round_of_banks = times * axes[0, STRIDE], how[BANKS] * how[WORD]
    return times * inside, shift, round_of_banks // _gcd(round_of_banks, shift)


@inlined
def _ask(word, how, loads, asked, state):
    """The stream asks for a word."""
    bank = word % how[BANKS]
    loads[NOW, bank] += 1
    now = state[NOW]
    asked[now[OPEN]] = bank
    now[PEAK] = max(now[PEAK], loads[NOW, bank])
    now[OPEN] += 1
    now[LAST] = word
    if now[OPEN] == how[GROUP]:
        _serve(how, loads, asked, state)


@inlined
def _serve(how, loads, asked, state):
    """The open group is served."""
    state[NOW, CYCLES] += state[NOW, PEAK]
    for place in range(state[NOW, OPEN]):
        loads[NOW, asked[place]] = 0
    state[NOW, OPEN] = state[NOW, PEAK] = 0


@inlined
def _begin(level, state):
    """No place of the loop was looked at so far."""
    state[level, WHEN], state[level, SINCE], state[level, PATIENCE] = -1, 0, 1


@lean
def _period(level, when, shift, how, loads, state):
    """How long ago, in steps of the loop, the stream stood as it stands now, `shift` bits on for each step; 0, if that
    was not kept."""
    then, now = state[level], state[NOW]
    if then[WHEN] >= 0:
        same = now[OPEN] == then[OPEN]
        same = same and now[LAST] - then[LAST] == (when - then[WHEN]) * shift // how[WORD]
        for bank in range(how[BANKS]):
            same = same and loads[NOW, bank] == loads[level, bank]
        if same:
            return when - then[WHEN]
    then[SINCE] += 1
    if then[SINCE] >= then[PATIENCE]:
        then[OPEN], then[LAST], then[CYCLES], then[WHEN] = now[OPEN], now[LAST], now[CYCLES], when
        then[SINCE], then[PATIENCE] = 0, 2 * then[PATIENCE]
        for bank in range(how[BANKS]):
            loads[level, bank] = loads[NOW, bank]
    return np.int64(0)


@lean
def _known(level, place, size, pace, how, lanes, loads, state):
    """How many positions of a loop behind this place repeat what was gone through, in whole periods; they are counted.
    -1: no period is known here."""
    period = _period(level, place // pace[AT_A_TIME], pace[SHIFT], how, loads, state)
    if period == 0:
        return np.int64(-1)
    positions = period * pace[AT_A_TIME]
    periods = (size - place) // positions
    state[NOW, CYCLES] += periods * (state[NOW, CYCLES] - state[level, CYCLES])
    words = periods * period * pace[SHIFT] // how[WORD]
    state[NOW, LAST] += words
    for lane in range(how[LANES]):
        lanes[LAST_OF_LANE, lane] += words
    return periods * positions


@lean
def _line(count, offset, how, lanes, loads, asked, state):
    """A line of so many lanes asks for its words."""
    for lane in range(count):
        first = lanes[AT, lane] + offset
        last = (first + how[BITS] - 1) // how[WORD]
        for word in range(first // how[WORD], last + 1):
            if word != state[NOW, LAST] and word != lanes[LAST_OF_LANE, lane]:
                _ask(word, how, loads, asked, state)
        lanes[LAST_OF_LANE, lane] = last


@lean
def _lines(count, moved, how, lanes, loads, asked, state):
    """All lines of so many lanes."""
    size, step = _size(moved), np.int64(0)
    pace, looking = _pace(moved, np.int64(1), how), True
    _begin(INNER, state)
    while step < size:
        if looking and step > 0 and step % (pace[AT_A_TIME] * pace[PLACES]) == 0:
            known = _known(INNER, step, size, pace, how, lanes, loads, state)
            if known >= 0:
                step += known
                looking = False
                continue
        _line(count, _offset(moved, step), how, lanes, loads, asked, state)
        step += 1


@lean
def cycles_of(fixed, moved, how, lanes, loads, asked, state):
    """Cycles in which the banks serve a stream, however long; there is room for as many lanes as a line has."""
    for lane in range(how[LANES]):
        lanes[LAST_OF_LANE, lane] = -1
    state[NOW, OPEN] = state[NOW, PEAK] = state[NOW, CYCLES] = 0
    state[NOW, LAST] = -1
    for bank in range(how[BANKS]):
        loads[NOW, bank] = 0
    size, unit, first = _size(fixed), how[LANES], np.int64(0)
    pace, looking = _pace(fixed, unit, how), True
    _begin(OUTER, state)
    while first < size:
        if looking and first > 0 and first % (pace[AT_A_TIME] * pace[PLACES]) == 0:
            known = _known(OUTER, first, size, pace, how, lanes, loads, state)
            if known >= 0:
                first += known
                looking = False
                continue
        count = min(unit, size - first)
        for lane in range(count):
            lanes[AT, lane] = _offset(fixed, first + lane)
        _lines(count, moved, how, lanes, loads, asked, state)
        first += unit
    _serve(how, loads, asked, state)
    return state[NOW, CYCLES]
