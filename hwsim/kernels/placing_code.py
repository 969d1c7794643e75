"""The tables on which buffers are placed in the scratchpad: names of columns."""

from hwsim.kernels import tiling_code

ALL = tiling_code.ALL
"""Rows kept of a tensor that is kept as a whole; as a limit: no limit."""

PREFIX_UNITS = 8
"""A prefix is a whole number of such parts of its tensor."""

# A buffer: the first and the last place of its live range; its rows, 0 if only the whole can be kept; how many first
# rows may be kept. Bit u of BARRED is set if the prefix of u units would have the name of another tensor.
BYTES, FIRST, LAST, ALL_ROWS, ROW_LIMIT, BARRED, BUFFER = 0, 1, 2, 3, 4, 5, 6

# Where a buffer lies: how many of its rows (0 for nothing, ALL for the whole), its first byte, the byte behind it.
KEPT, ADDRESS, END, ALLOCATION = 0, 1, 2, 3

# Bytes that later buffers have to avoid during a range of places.
B_ADDRESS, B_END, B_FIRST, B_LAST, BLOCK = 0, 1, 2, 3, 4

# Bytes that belong to the buffer that was the last to lie on them.
PART_START, PART_END, PART_OWNER, PART = 0, 1, 2, 3

# The rows of the scratch room of `overwritten`. SORTED and SPARE: buffers in order, and room to merge them. FOLLOWING
# and HEADS: chains of the buffers of each loop. SEEN: the last turn in which a buffer was found dead. TURN and AGAIN:
# where in the log the first and the second turn of a buffer stand.
SORTED, SPARE, FOLLOWING, HEADS, SEEN, TURN, AGAIN, SCRATCH = 0, 1, 2, 3, 4, 5, 6, 7

# Of so many integers for each buffer the log and the list of the dead have room enough, and of so many rows the parts.
LOG_ROOM, DEAD_ROOM, PARTS_ROOM = 8, 6, 3
