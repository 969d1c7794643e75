"""The tables in which cuts are found: made, and made larger."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.cut_walks import Room
from hwsim.kernels.tilings import hash_of
from hwsim.timing.timeline import LEVELS, least_key

Ints = NDArray[np.int64]


TILINGS, BLOCKS, CUTS, CODE_ROWS = 1 << 9, 1 << 15, 1 << 12, 1 << 15
"""What a store has room for at first: what most programs need on most targets. Rows that are not written take no
memory, and making a table larger takes new memory, which costs more than what is written there."""

ERRANDS = 1 << 11
"""Blocks to walk at once, at most."""


def new_store(ops: s.Ops, latencies: int, blocks: int, room: Room) -> s.Store:
    """An empty store for tilings with so many candidates at most, and cuts with as many rows as the room has."""
    counts = np.zeros(s.COUNTS, np.int64)
    counts[s.MOST_STEPS] = s.NO_END
    return s.Store(
        keys=np.zeros((TILINGS, s.K_ROLES + ops.roles.shape[1]), np.int64),
        hashed=np.full(2 * TILINGS, -1, np.int64),
        tilings=np.zeros((TILINGS, ops.classes.shape[1]), np.int64),
        listed=np.zeros((blocks, t.BLOCK), np.int64),
        blocks=np.zeros((max(BLOCKS, 2 * blocks), t.BLOCK), np.int64),
        cycles=np.zeros((max(BLOCKS, 2 * blocks), latencies), np.int64),
        best=np.zeros((max(BLOCKS, 2 * blocks), 2 * (s.FASTEST_0 + 2 * latencies)), np.int64),
        states=np.zeros((TILINGS, s.STATE), np.int64),
        cuts=np.zeros((CUTS, s.CUT), np.int64),
        lengths=np.zeros(CUTS),
        code=np.zeros((max(CODE_ROWS, 2 * len(room.code)), room.code.shape[1]), np.int64),
        errands=np.zeros((ERRANDS, s.WORK), np.int64),
        searches=np.zeros((ERRANDS, s.SEARCH), np.int64),
        counts=counts,
    )


def with_more_tilings(store: s.Store) -> s.Store:
    """The same store with room for twice as many tilings."""
    grown = _doubled(store, "keys", "tilings", "states")
    hashed = np.full(2 * len(store.hashed), -1, np.int64)
    for number in range(int(store.counts[s.TILINGS])):
        at = hash_of(store.keys[number], len(hashed))
        while hashed[at] >= 0:
            at = at + 1 if at + 1 < len(hashed) else 0
        hashed[at] = number
    return grown._replace(hashed=hashed)


def with_more_blocks(store: s.Store) -> s.Store:
    """The same store with room for twice as many candidates."""
    return _doubled(store, "blocks", "cycles", "best")


def with_more_cuts(store: s.Store) -> s.Store:
    """The same store with room for twice as many cuts."""
    return _doubled(store, "cuts", "lengths", "code")


def _doubled(store: s.Store, *names: str) -> s.Store:
    return store._replace(**{name: _twice_as_long(getattr(store, name)) for name in names})


def _twice_as_long(table: NDArray[Any]) -> NDArray[Any]:
    grown = np.zeros((2 * len(table), *table.shape[1:]), table.dtype)  # rows that are not written take no memory
    grown[: len(table)] = table
    return grown


def _width(ops: s.Ops) -> int:
    """The columns of the rows of cuts: behind the fixed ones, what each operand brings and each result stores."""
    return t.DETAIL + 4 + int((ops.classes[:, t.READS] + ops.classes[:, t.WRITES]).max(initial=0))


def _most_rows(pieces: int) -> int:
    """The rows of a cut at most, each piece in a loop of its own, for a batch and for its last product."""
    k = 6 * 3
    inner = 5 * (k + 2)  # one mark, where the rest of N ends
    return 2 * (pieces * (inner + 2) + 2) + 2


def new_room(ops: s.Ops, fixed: Ints) -> Room:
    """What searches write into."""
    slots, kept, levels = int(fixed[c.SLOTS]), int(fixed[c.LONGEST]) + 1, LEVELS
    marks = int(ops.classes[:, t.MARKS].max(initial=0))
    pieces = 6 + 2 * marks  # of a dimension: first, last, those between, and two more for each mark; of K twice three
    walk = c.Walk(
        refs=np.zeros((0, 2), np.int64),
        touched=np.zeros((0, c.TOUCHED_COLUMNS), np.int64),
        fixed=fixed.copy(),
        two_spaces=np.zeros(1, np.int64),
        totals=np.zeros((1, c.TOTALS), np.int64),
        released=np.zeros((c.RINGS, slots), np.int64),
        turn=np.zeros(c.RINGS, np.int64),
        ready=np.zeros(1, np.int64),
        read=np.full((2, 1, c.READERS), c.NEVER, np.int64),
        pending=np.zeros((int(fixed[c.DELAY]) + 1, c.PENDING_COLUMNS), np.int64),
        now=np.zeros(c.NOW, np.int64),
        peaks=np.zeros((levels + 1, c.PEAKS), np.int64),
        events=np.zeros((0, c.EVENT_COLUMNS), np.int64),
    )
    return Room(
        code=np.zeros((_most_rows(pieces), _width(ops)), np.int64),
        pieces=np.zeros((3, pieces, t.PIECE), np.int64),
        loops=np.zeros((6, 8), np.int64),
        walk=walk,
        done=np.zeros(levels + 1, np.int64),
        taken=np.zeros(levels + 1, np.int64),
        place=np.zeros(levels + 1, np.int64),
        keys=np.zeros(levels * kept * least_key(fixed), np.int64),
        past=np.zeros(levels * kept * (c.TOTALS_AT + c.TOTALS), np.int64),
        stack=np.zeros(levels + 1, np.int64),
        least_key=least_key(fixed),
    )
