"""What the kernel of DRAM banks is given and keeps: names of columns, all times in cycles of the memory's clock."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

READ, WRITE, ACTIVATE, PRECHARGE, PRECHARGE_ALL, REFRESH = range(6)
"""Commands, as they stand in a log; transfers are of the first two kinds."""

# `fixed`: the memory. ROW is in bursts, GRAIN the bursts that lie in a channel before the next goes on. BURST to RFC
# are cycles; after LIMIT bursts no other transfer is begun.
CHANNELS, GROUPS, BANKS, ROW, GRAIN, BURST_BYTES, QUEUE = range(7)
BURST, CL, CWL, RCD, RP, RP_ALL, RAS, RC, RRD, RRD_LONG, FAW = range(7, 18)
CCD, CCD_LONG, RTP, WR, WTR, WTR_LONG, RTW, REFI, RFC, LIMIT, FIXED = range(18, 29)

# `channel`, one row each: when its last burst ends; when the last commands of a kind were given, and how many rows were
# opened; when the next refresh is due, and the last one was over; bursts that its queue took; since when no bank has
# been open, for how long none was, and how many are.
BUS_END, COLUMN, LAST_READ, LAST_WRITE, LAST_ACTIVATE, OPENED = range(6)
DUE, REFRESHED, TAKEN, SINCE, CLOSED, OPEN, CHANNEL = range(6, 13)

# `bus`, one row a channel: for how long its data bus was used, and what it waited for.
DATA, IDLE, FOR_REFRESH, TURNAROUND, FOR_GROUP, FOR_ROW, BUS = range(7)

# `group`, one row a group of banks of a channel: when the last commands were given.
G_COLUMN, G_WRITE, G_ACTIVATE, GROUP = range(4)

# `bank`, one row each: its open row, when that was opened, and when it may be closed.
B_ROW, B_ACTIVATE, B_CLOSABLE, BANK = range(4)

FOUR = 4  # rows that may be opened within FAW

# `counts` of the whole: BUSY and BYTES stand for two, of reads and of writes. FLAT_BUSY is how long the flat memory
# would have been busy with the same transfers, LATE by how much the last of them is later than there.
TRANSFERS, READS, WRITES, HITS, EMPTY, CONFLICTS, PRECHARGES, REFRESHES = range(8)
BUSY, BYTES, FLAT_BUSY, LATENCY, LONGEST, LATE, TOTAL, LOGGED, COUNTS = 8, 10, 12, 13, 14, 15, 16, 17, 18

# `log`, one row a command: when, which, and for which channel, bank and row. Without rows nothing is logged.
L_TIME, L_COMMAND, L_CHANNEL, L_BANK, L_ROW, LOG = range(6)

CLOSED_ROW = -1
LONG_AGO = -(1 << 40)


class Transfers(NamedTuple):
    """Transfers in the order of time. Each moves the portions from its `portion_at` on; a portion lies where the last
    one of its tensor ended, reads and writes apart, and goes round in the tensor."""

    starts: Ints
    promised: Ints  # when all data would be there in the flat memory
    kinds: Ints
    portion_at: Ints
    tensors: Ints
    sizes: Ints
    base: Ints  # where tensors begin
    length: Ints
    cursor: Ints  # [kind, tensor]


class Memory(NamedTuple):
    """Everything that a replay changes, and `fixed`, which it only reads."""

    fixed: Ints
    channel: Ints
    bus: Ints
    group: Ints
    bank: Ints
    activates: Ints  # [channel, the last FOUR]
    queue: Ints  # [channel, place]: when the burst was begun that had the place before
    histogram: Ints  # bursts by latency
    first: Ints  # of each transfer: cycles until its first burst was there
    counts: Ints
    log: Ints
