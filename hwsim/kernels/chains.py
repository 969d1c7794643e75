"""When the ops of a program end at the soonest: units work in order, and ops wait until what they read is complete."""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import assembly as a
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import lean


class Shortest(NamedTuple):
    """Cycles of the array and of the vector unit that each op takes at least, by its number."""

    array: c.Ints
    vector: c.Ints


class Scratch(NamedTuple):
    """What the kernel writes into: cycles of each unit in one iteration of each loop, by the node where it begins; how
    often its body was passed; the loops around a node; and when each tensor is complete."""

    of_body: c.Ints  # [unit, node]
    passed: c.Ints
    around: c.Ints
    complete: c.Ints


@lean
def least_cycles(nodes, op_rows, uses, use_at, shortest, scratch):
    """Cycles that a program takes at least.

    Of a loop the first iteration is passed and the last one; those between keep units busy that work in order.
    """
    _add_up(nodes, shortest, scratch)
    array_ends, vector_ends, place = np.int64(0), np.int64(0), 0
    while place < nodes.shape[0]:
        kind, number = nodes[place, a.N_KIND], nodes[place, a.N_OP]
        if kind == a.OP:
            array_ends, vector_ends = _pass(
                number, op_rows[number, 2], uses, use_at, shortest, scratch.complete, array_ends, vector_ends
            )
        elif kind == a.END:
            begin = nodes[place, a.N_PARTNER]
            if number > 1 and scratch.passed[begin] == 0:
                scratch.passed[begin] = 1
                array_ends += (number - 2) * scratch.of_body[0, begin]
                vector_ends += (number - 2) * scratch.of_body[1, begin]
                place = begin
            else:
                scratch.passed[begin] = 0
        place += 1
    last = max(array_ends, vector_ends)
    for spot in range(scratch.complete.shape[0]):
        last = max(last, scratch.complete[spot])
    return last


@lean
def _add_up(nodes, shortest, scratch):
    """Add up the cycles of one iteration of each loop."""
    depth = 0
    for place in range(nodes.shape[0]):
        kind, number = nodes[place, a.N_KIND], nodes[place, a.N_OP]
        if kind == a.BEGIN:
            scratch.around[depth] = place
            depth += 1
        elif kind == a.OP and depth > 0:
            scratch.of_body[0, scratch.around[depth - 1]] += shortest.array[number]
            scratch.of_body[1, scratch.around[depth - 1]] += shortest.vector[number]
        elif kind == a.END:
            depth -= 1
            if depth > 0:
                for unit in range(2):
                    of_body = scratch.of_body[unit]
                    of_body[scratch.around[depth - 1]] += number * of_body[nodes[place, a.N_PARTNER]]


@lean
def _pass(number, variant, uses, use_at, shortest, complete, array_ends, vector_ends):
    """An op after all before it: when the units end, and when what it writes is complete."""
    for_array, for_vector = np.int64(0), np.int64(0)
    for use in range(use_at[variant], use_at[variant + 1]):
        spot = uses[use, a.U_SPOT]
        if uses[use, a.U_HOW] == a.ARRAY_READ:
            for_array = max(for_array, complete[spot])
        elif uses[use, a.U_HOW] == a.VECTOR_READ:
            for_vector = max(for_vector, complete[spot])
    end = for_vector
    if shortest.array[number] > 0:
        begins = max(array_ends, for_array)
        array_ends, for_vector = begins + shortest.array[number], max(for_vector, begins)
        end = max(end, array_ends)
    if shortest.vector[number] > 0:
        vector_ends = max(vector_ends, for_vector) + shortest.vector[number]
        end = max(end, vector_ends)
    for use in range(use_at[variant], use_at[variant + 1]):
        if uses[use, a.U_HOW] >= a.WRITES:
            complete[uses[use, a.U_SPOT]] = end
    return array_ends, vector_ends
