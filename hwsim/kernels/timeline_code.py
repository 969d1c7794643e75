"""The instructions that a schedule becomes, and the state that the timeline's kernels share: names of columns.

A program is a list of instructions, one row of `code` each:

    BEGIN, END         a loop; END names the row of its BEGIN
    OP_BEGIN, OP_END   around the steps of one run of an op
    STEP               durations of one step; -1 stands for an absent part
    PRELOAD            a load without a slot

`refs` lists, for ops, which tensors they read and write, and how; `touched`, for loops, the tensors that their bodies
touch, and how.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Kinds of instruction, in column 0.
KIND = 0
STEP, BEGIN, END, OP_BEGIN, OP_END, PRELOAD = 0, 1, 2, 3, 4, 5

# STEP. Bits of FLAGS: the step opens or closes a result tile; from RELEASE_0 on, it releases an operand ring's slot; a
# port of the scratchpad sets the length of its first unit's work. If all readers of the scratchpad share a port,
# FIRST_PASS and ALL_PASS are the cycles in which what the first unit, and what all units read passes it; else 0.
# EXCHANGE: how long the results for other cores keep the interconnect.
LOAD_0, ARRAY, TAIL, VECTOR, FUSED, STORE, EXCHANGE, FLAGS, FIRST_PASS, ALL_PASS = 1, 4, 5, 6, 7, 8, 9, 10, 11, 12
OPENS, CLOSES, RELEASE_0, PORT_BOUND = 1, 2, 4, 32

# BEGIN; END has PARTNER alone. Masks of units, rings, and operand rings that are loaded; ranges of ops, of `touched`;
# where its snapshots lie.
TIMES, UNITS_USED, RINGS_USED, RINGS_LOADED, OP_LOW, OP_HIGH, TOUCHED_LOW, TOUCHED_HIGH = 1, 2, 3, 4, 5, 6, 7, 8
KEY_AT, KEY_SIZE, PAST_AT = 9, 10, 11
PARTNER = 1

# OP_BEGIN and OP_END. SINGLE: a mask of the operand rings whose slots each load takes all at once.
OP, FUSED_OP, REF_LOW, REF_HIGH, ARRAY_WRITES, SINGLE = 1, 2, 3, 4, 5, 6

# PRELOAD; its `refs` are what it overwrites.
PRE_OP, PRE_CYCLES, PRE_TENSOR, PRE_REF_LOW, PRE_REF_HIGH = 1, 2, 3, 4, 5

COLUMNS = 13

# `refs`: columns, and how an op uses a tensor. LOADED_0 stands for the first of three operand rings.
HOW, TENSOR = 0, 1
ARRAY_READ, VECTOR_READ, LOADED_0, KEPT, KEPT_PART, STORED, STORED_PART, OVERWRITES = 0, 1, 2, 5, 6, 7, 8, 9

# `touched`: the tensor, whether the body writes all of it or parts, whether it asks for its last readers, and a mask of
# the units that read it.
T_TENSOR, T_WHOLE, T_PART, T_ASKED, T_READERS, TOUCHED_COLUMNS = 0, 1, 2, 3, 4, 5

# How a body touches a tensor, as bits: it writes all of it or parts, asks for its last readers, reads it by a unit.
WHOLE, PART, ASKED, READER_0 = 1, 2, 4, 8

# Units, and reasons to wait, are numbered as in the table of units, rings as in schedule/steps.py; two rings of result
# slots follow the three of operand slots.
LOAD_UNIT, ARRAY_UNIT, VECTOR_UNIT, STORE_UNIT, EXCHANGE_UNIT, UNITS = 0, 1, 2, 3, 4, 5
READ_PORT = UNITS  # in masks and lists of units: the scratchpad's read port, if all readers share it
WEIGHTS, ACTIVATIONS, VECTOR_OPERANDS, OPERAND_RINGS = 0, 1, 2, 3
ARRAY_RESULTS, VECTOR_RESULTS, RINGS = 3, 4, 5
READERS = 3  # units that can read a tensor: load, array, vector

# `totals`, one row an op: cycles, span, busy cycles, and stalls by reason (as many columns each as there are units);
# then busy cycles of array and vector unit in steps whose length the shared read port sets, where no port does alone.
REASONS = 5
CYCLES, SPAN, BUSY = 0, 1, 2
STALLS = BUSY + UNITS
FOR_LOAD, FOR_ARRAY, FOR_TENSOR, FOR_OVERWRITE, FOR_SLOT = range(STALLS, STALLS + UNITS * REASONS, UNITS)
SHARED_BOUND = STALLS + UNITS * REASONS
TOTALS = SHARED_BOUND + 2

# `now`: what is true at this point of the walk. From FREE on: when each unit ended its last step, and when the last
# step that asked for the shared read port gives it up. From WORKED on: how long each port has worked. LATE: whether the
# walk was given up because it would pass the limit.
FRONTIER, LEVEL, SEQUENCE, RUN, UNROLLED = 0, 1, 2, 3, 4
NOW_OP, NOW_FUSED, NOW_LOW, NOW_HIGH, NOW_ARRAY_WRITES, NOW_SINGLE = 5, 6, 7, 8, 9, 10
ARRAY_WAITS, VECTOR_WAITS, KEPT_WAITS, STORE_WAITS = 11, 12, 13, 14
ARRAY_BEGUN, VECTOR_BEGUN, STORE_BEGUN, FIRST_WORK, FIRST_FUSED = 15, 16, 17, 18, 19
LOAD_ENDED_0, PENDING, LOAD_WAITS_0, FREE, WORKED, LATE, SEEN, NEXT_EVENT, NOW = 20, 23, 24, 27, 33, 38, 39, 40, 45

# `fixed`: what holds for the whole walk. LONGEST is the longest period that is looked for; 0: none. After MOST
# iterations the walk is given up, and as soon as it is sure to take more than LIMIT cycles, if that is not 0; for that
# it knows the busy cycles of the whole walk on each port, from ALL_BUSY on. BETWEEN: the interconnect's latency.
LATENCY, SLOTS, SHARED, DELAY, LONGEST, MOST, LIMIT, ALL_BUSY, BETWEEN, FIXED = 0, 1, 2, 3, 4, 5, 6, 7, 12, 13

# `peaks`, one row a level: the latest end of anything, of the op's own steps, of its kept tiles, of its stores.
REACH, OWN, DONE, SAVED, PEAKS = 0, 1, 2, 3, 4

# `pending`, one row a store that waits for the shared port; how many integers of a key each of them takes.
# P_OWN: if the steps of its op are over, the latest end of that run so far.
P_CYCLES, P_READY, P_AFTER, P_OP, P_RUN, P_DUE, P_RING, P_SLOT, P_LOW, P_HIGH, P_OWN, PENDING_COLUMNS = range(12)
PENDING_KEY = 11

# `events`, one row for each piece of work that somebody asks for, by unit, of each unit in the order of the walk, and a
# row of no unit at the end: E_SKIP pieces of the unit come between the one before and this one. E_REASON is what the
# unit waited for during the E_WAITED cycles before its start. It has no rows if nobody asks.
E_UNIT, E_SKIP, E_OP, E_START, E_END, E_WAITED, E_REASON, EVENT_COLUMNS = 0, 1, 2, 3, 4, 5, 6, 7
E_NONE = UNITS

# What a snapshot keeps: the time of the unit that others are relative to, the frontier, how many integers its key has,
# the peaks of the iteration, and then the totals of the body's ops.
BASE, FRONT, LENGTH, PEAKS_AT, TOTALS_AT = 0, 1, 2, 3, 7

NEVER = -1  # a time that was not set


class Walk(NamedTuple):
    """Everything that the walk changes, and `refs` and `fixed`, which it only reads."""

    refs: Ints
    touched: Ints
    fixed: Ints
    two_spaces: Ints
    totals: Ints
    released: Ints  # [ring, slot]
    turn: Ints  # the slot of a ring that is taken next
    ready: Ints  # when a tensor is complete
    read: Ints  # [0: present content, 1: the one before; tensor; unit]: when its last reader ended
    pending: Ints
    now: Ints
    peaks: Ints
    events: Ints
