"""When the ops of a program end at the soonest: units work in order, and ops wait until what they read is complete.

An op is taken as a whole: what a unit does for it in blocks is done at once, and nothing is waited for but tensors.
"""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import assembly as a
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean

LOAD, ARRAY, VECTOR, STORE, UNITS = 0, 1, 2, 3, 4


class Chain(NamedTuple):
    """What the kernel needs to know, and writes into.

    `shortest` are cycles of each unit that an op takes at least, and `kept` the rows of a tensor that the
    scratchpad keeps, by spot. `of_body` become the cycles of each unit in one iteration of each loop, by the node
    where it begins, `passed` tells how often its body was passed, `around` are the loops around a node, `ends` when
    each unit ends, and `complete` when each tensor is complete in the scratchpad, and in the DRAM.
    """

    shortest: c.Ints  # [op, unit]
    kept: c.Ints
    of_body: c.Ints  # [node, unit]
    passed: c.Ints
    around: c.Ints
    ends: c.Ints
    complete: c.Ints  # [spot, 2]


@lean
def least_cycles(nodes, op_rows, uses, use_at, chain):
    """Cycles that a program takes at least.

    Of a loop the first iteration is passed and the last one; those between keep units busy that work in order.
    """
    _add_up(nodes, chain)
    place = 0
    while place < nodes.shape[0]:
        kind, number = nodes[place, a.N_KIND], nodes[place, a.N_OP]
        if kind == a.OP:
            variant = op_rows[number, 2]
            _pass(chain.shortest[number], uses[use_at[variant] : use_at[variant + 1]], chain)
        elif kind == a.END:
            begin = nodes[place, a.N_PARTNER]
            if number > 1 and chain.passed[begin] == 0:
                chain.passed[begin] = 1
                for unit in range(UNITS):
                    chain.ends[unit] += (number - 2) * chain.of_body[begin, unit]
                place = begin
            else:
                chain.passed[begin] = 0
        place += 1
    last = np.int64(0)
    for unit in range(UNITS):
        last = max(last, chain.ends[unit])
    return last


@lean
def _add_up(nodes, chain):
    """Add up the cycles of one iteration of each loop."""
    depth = 0
    for place in range(nodes.shape[0]):
        kind, number = nodes[place, a.N_KIND], nodes[place, a.N_OP]
        if kind == a.BEGIN:
            chain.around[depth] = place
            depth += 1
        elif kind == a.OP and depth > 0:
            _add(chain.of_body[chain.around[depth - 1]], chain.shortest[number], np.int64(1))
        elif kind == a.END:
            depth -= 1
            if depth > 0:
                _add(chain.of_body[chain.around[depth - 1]], chain.of_body[nodes[place, a.N_PARTNER]], number)


@inlined
def _add(sums, cycles, times):
    for unit in range(UNITS):
        sums[unit] += times * cycles[unit]


@lean
def _pass(cycles, uses, chain):
    """An op after all before it: when the units end, and when what it writes is complete."""
    ends, complete = chain.ends, chain.complete
    for_load, for_array, for_vector = np.int64(0), np.int64(0), np.int64(0)
    for place in range(uses.shape[0]):
        how, spot = uses[place, a.U_HOW], uses[place, a.U_SPOT]
        if how >= a.WRITES:
            continue
        if how >= a.LOADED_0:
            if chain.kept[spot] < t.ALL:
                for_load = max(for_load, complete[spot, 1])
        elif chain.kept[spot] > 0:
            if how == a.ARRAY_READ:
                for_array = max(for_array, complete[spot, 0])
            elif how == a.VECTOR_READ:
                for_vector = max(for_vector, complete[spot, 0])
    loaded = np.int64(0)
    if cycles[LOAD] > 0:
        loaded = ends[LOAD] = max(ends[LOAD], for_load) + cycles[LOAD]
    end = max(for_vector, loaded)
    if cycles[ARRAY] > 0:
        begin = max(ends[ARRAY], for_array)
        ends[ARRAY], for_vector = begin + cycles[ARRAY], max(for_vector, begin)
        end = max(end, ends[ARRAY])
    if cycles[VECTOR] > 0:
        for_vector = max(for_vector, ends[VECTOR])
        ends[VECTOR] = for_vector + cycles[VECTOR]
        end = max(end, ends[VECTOR])
    if cycles[STORE] > 0:
        ends[STORE] = max(ends[STORE], for_vector) + cycles[STORE]
    stored = max(end, ends[STORE])
    for place in range(uses.shape[0]):
        if uses[place, a.U_HOW] >= a.WRITES:
            spot = uses[place, a.U_SPOT]
            complete[spot, 0], complete[spot, 1] = end, stored
