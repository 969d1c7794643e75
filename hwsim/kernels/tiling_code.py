"""The tables on which cuts are searched: names of columns.

A *tiling* is a row of integers that says all of one matrix product on one chip, whatever its blocks: sizes, formats,
what the array and the ports cost, and what lies in the scratchpad. A row of *row work* is the same for an op of the
vector unit. Lists of variable length (operands of an epilogue, functions, marks) stand behind the fixed columns, each
where a column ending in `_AT` says.

A cut becomes the rows of its steps: the columns of `timeline_code`, and behind them what nouns and prices need.
"""

from hwsim.kernels import timeline_code as c

# What both kinds begin with. A rate is bytes a cycle as numerator and denominator; numerator 0: any number at once.
DRAM_READ, DRAM_WRITE, SCRATCHPAD_READ, SCRATCHPAD_WRITE = 0, 2, 4, 6
# READERS_SHARE: whether all readers of the scratchpad share its read port.
SLOTS, LANES, LANES_READ, LANES_WRITE, READERS_SHARE = range(8, 13)
FUNCTIONS, FUNCTIONS_AT, READS, READS_AT, WRITES, WRITES_AT, MARKS, MARKS_AT = range(13, 21)
# CORES: on how many the op works. All sizes are those of the core with most to do; EXCHANGE_RATE is a rate as above.
CORES, EXCHANGE_RATE, _, COMMON = range(21, 25)

# A matrix product. A bit width of 0 stands for an operand that there is not. TILE_N: the columns of a tile of the
# array, if the weights lie in whole tiles; 0, if they lie without gaps. Of M and N so many cores have the full size,
# and one more has the rest, if that is not 0; B_FULL are cores with products of the batch of their own. OUT_SENT:
# whether other cores read the result where it is kept. ARRAYS: how many arrays of a core share the columns of a block.
# A stretch says how much longer an operand keeps the read port because of banks, as numerator and denominator;
# numerator 0: no longer.
(
    M, K, N, BATCH, ACT_BITS, WEIGHT_BITS, OUT_BITS, BIAS_BITS, ROW_SCALE_BITS, SCALE_BYTES, GROUP, PACKS_K, TILE_N,
    DEQUANTIZED, POSITIONS, ENTRIES, STRIDE, REACH, ENTRY_BYTES,
    UNIT_OUTER, UNIT_INNER, UNIT_K, LONGEST_STREAM, SUMS, STAYS, N_OUTER,
    STREAM_K, PACE, FIXED, LEAST, DRAINED, HAZARD, FOLLOWING, LEAD, ACT_TAKES, WEIGHT_TAKES,
    REQUANTIZE, ADD, MULTIPLY, EPILOGUE,
    ACT_KEPT, WEIGHT_KEPT, RESIDENT_K, COLUMNS_KEPT, ROW_SCALES_KEPT, OUT_KEPT,
    M_FULL, M_REST, N_FULL, N_REST, B_FULL, OUT_SENT, ARRAYS, ACT_STRETCH, _, WEIGHT_STRETCH, _, TILING,
) = range(COMMON, COMMON + 58)  # fmt: skip

# How often an array takes an operand of a block out of the scratchpad: for each tile across, or deep.
NEVER_TAKEN, ONCE, ACROSS, DEEP = 0, 1, 2, 3

# An operand of an epilogue, and a function of it, whose elements on a tile are so many times m · n, and n, and 1.
O_BITS, O_GROWS, O_KEPT, O_SENT, OPERAND = 0, 1, 2, 3, 4
F_CYCLES, F_TILE, F_COLUMN, F_ONCE, FUNCTION = 0, 1, 2, 3, 4

# An op of the vector unit: its rows, on how many cores they are so many, and how many one more core has. An operand or
# result of it, and a function of it, whose elements are so many a block and so many a row.
ROWS, ROWS_FULL, ROWS_REST, ROW_WORK = COMMON, COMMON + 1, COMMON + 2, COMMON + 3
R_BYTES, R_SHARED, R_KEPT, R_HALO, R_SENT, ROW_OPERAND = 0, 1, 2, 3, 4, 5
V_CYCLES, V_BLOCK, V_ROW, ROW_FUNCTION = 0, 1, 2, 3

ALL = 1 << 62
"""Rows kept of a tensor that is kept as a whole."""

# A candidate: the sides of the block (of an op of the vector unit the rows), whether the loop over `inner` lies outside
# that over `outer`, a mask of the rings whose operand takes all slots at once, a bound of its cycles, bytes of all
# slots, whether it is square but for sides that are whole. The first SIDES columns tell blocks apart.
B_OUTER, B_INNER, B_K, B_SWAPPED, B_SINGLE, B_BOUND, B_HELD, B_SQUARE, BLOCK = 0, 1, 2, 3, 4, 5, 6, 7, 8
SIDES = B_SINGLE + 1

# A piece of a dimension: size, how often, whether it is the first or the last, where it begins, whether it is resident.
P_SIZE, P_TIMES, P_FIRST, P_LAST, P_START, P_RESIDENT, PIECE = 0, 1, 2, 3, 4, 5, 6

# A row of a cut: the timeline's columns, and then what its step is made of. D_TIMES: how often it comes in one run.
# D_LOADED and D_STORED pass the DRAM's ports; D_OF_RING is the first of three columns, what is loaded into each ring.
# Cycles are those of the core with most to do, whose own bytes are D_OF_CORE (of each ring), D_CORE_STORED,
# D_FIRST_READ (by its first unit) and D_CORE_READ; all else is the sum over all cores. D_RESULTS: elements of blocks of
# the result; D_STREAMED: tiles times the stream that each meets; D_FILLED: what loads write into scratchpads.
# D_CONFLICTS: what the read port could pass in the time that banks make it wait; D_LOST: that time.
(
    D_TIMES, D_K, D_OF_RING, _, _, D_OF_CORE, _, _, D_ARRAY, D_ARRAY_PORT, D_ENTERING, D_RESULTS, D_TILES, D_STREAMED,
    D_VECTOR, D_VECTOR_PORT, D_LANES, D_READ, D_WRITTEN, D_FUSED, D_FUSED_PORT, D_FUSED_LANES, D_FUSED_READ,
    D_FUSED_WRITTEN, D_LOADED, D_FILLED, D_STORED, D_CORE_STORED, D_FIRST_READ, D_CORE_READ, D_EXCHANGED,
    D_CONFLICTS, D_LOST, DETAIL,
) = range(c.COLUMNS, c.COLUMNS + 34)  # fmt: skip
# Behind DETAIL: what each operand would bring to the vector unit, and then what each result stores.
COLUMN_SCALES, BIAS, ROW_SCALES, EPILOGUE_READS = DETAIL, DETAIL + 1, DETAIL + 2, DETAIL + 3
