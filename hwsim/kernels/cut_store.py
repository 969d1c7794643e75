"""All cuts that were found for the ops of a program on one target: names of columns, and the tables themselves.

A tiling is told apart by its class, the least lead of what may follow it, and where its tensors lie. The tables only
grow; whoever owns them makes them larger when a kernel says that they are full, and asks again.
"""

from typing import NamedTuple

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c

BUDGETS = 8
"""How many powers of two, from the largest down, are tried as budgets for a block of rows."""

# Ops: class, whether it is a product, least lead of what follows it, place, the spots of its weight and of its columns
# or parameters where they are resident, how many roles it has, and how much of K a resident row of tiles is.
CLASS, IS_PRODUCT, FOLLOWING, PLACE, WEIGHT, TOGETHER, ROLES, RESIDENT_UNIT, OP_COLUMNS = range(9)

# Keys of tilings: class, following, resident rows of tiles, whether columns or parameters are resident, and then how
# many rows are kept of each role's tensor.
K_CLASS, K_FOLLOWING, K_RESIDENT, K_TOGETHER, K_ROLES = range(5)

# States of tilings: how many candidates it has, the first of them, whether it is a product, the last cut that was made
# of it, and the candidate that holds most of what was asked for last: within so many bytes, of any shape or square.
CANDIDATES, FIRST, OF_PRODUCT, LAST_CUT, LARGEST, LARGEST_WITHIN, LARGEST_OF_ANY, STATE = range(8)

# Cuts: tiling, what tells blocks apart, first row, rows, the cut made before of the same tiling, masks of units and
# rings, whether the array writes results by itself, busy cycles of each unit and of a shared read port, cycles in
# which steps hold slots of the operand rings and of the array's results, and how many loads hold slots of each ring
# for the memory's latency besides.
TILING, BLOCK, FIRST_ROW = 0, 1, 1 + t.SIDES
_, ROWS, BEFORE, UNITS, RINGS, LOADED, ARRAY_WRITES, BUSY = range(FIRST_ROW, FIRST_ROW + 8)
HELD = BUSY + c.UNITS + 1
LOADS = HELD + c.ARRAY_RESULTS + 1
CUT = LOADS + c.OPERAND_RINGS

# How many there are: tilings, candidates of all tilings, cuts, rows of cuts, errands, searches, and the steps of all
# cuts that were walked, rows and iterations. Beyond so many of them no cut is walked any more; whether some was not.
TILINGS, BLOCKS, CUTS, CODE_ROWS, ERRANDS, SEARCHES, STEPS, MOST_STEPS, ENDED, COUNTS = range(10)

NO_END = 1 << 62
"""More steps than can be walked."""

# Errands, which are yet to be done: the tiling, the latency for which its block is walked, or KEEP to keep the cut, the
# place of the candidate, and the block.
W_TILING, W_LATENCY, W_PLACE, W_BLOCK = range(4)
WORK = W_BLOCK + t.SIDES
KEEP = -1

# Searches that are not at their end: tiling, way, and the candidate that holds most.
S_TILING, S_WAY, S_LARGEST, SEARCH = range(4)

# How a plan cuts ops, as bits: into naive blocks, products for least traffic, products for least traffic among about as
# fast cuts, into any blocks, not only square ones; else all for least time. The place of the latency follows that the
# DRAM has meanwhile. A way of a product is one of the kinds below and, in its last bit, whether blocks may be any.
NAIVE, MIN_TRAFFIC, NEAR_FASTEST, ANY_BLOCK, LATENCY_0 = 1, 2, 4, 8, 16

# Kinds of ways: least traffic, and from 1 on for each latency the fastest cut, and the least traffic of about as fast
# cuts.
LEAST_TRAFFIC, FASTEST_0 = 0, 1

# Cycles of candidates, and choices among them, that are no numbers of cycles or places.
UNKNOWN, PENDING, TOO_LONG, NOTHING_FITS = -1, -2, -3, -4

DONE, FULL = -1, -2
"""What a kernel says beside the number of an op that cannot be cut."""


class Ops(NamedTuple):
    """The ops of a program on a target."""

    table: c.Ints  # [op, OP_COLUMNS]
    roles: c.Ints  # [op, :] spots of tensors, -1 for none
    classes: c.Ints  # [class, :] rows with all tensors in DRAM


class Store(NamedTuple):
    """What was found; `counts` say how much of each table is in use."""

    keys: c.Ints
    hashed: c.Ints  # numbers of tilings by the hashes of their keys, -1 for none
    tilings: c.Ints
    listed: c.Ints  # for the candidates of one tiling, and behind them for those that they are chosen from
    blocks: c.Ints  # [candidate, :]; of ops of the vector unit the blocks for budgets of all powers of two
    cycles: c.Ints  # [candidate, latency]
    best: c.Ints  # [candidate, way]: the best of those of its tiling that hold no more
    states: c.Ints
    cuts: c.Ints
    lengths: c.Floats  # cycles of each cut, if nothing overlaps
    code: c.Ints
    errands: c.Ints  # blocks to walk, or to keep as cuts
    searches: c.Ints
    counts: c.Ints
