"""All ways to cut one matrix product: every block of whole tiles, both orders of the loops, one slot or all of them for
each operand; the fastest, and the fewest bytes of those that are about as fast."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.blocks import least_cycles, loaded_bytes, whole_inner, whole_outer
from hwsim.kernels.cut_walks import walk_cuts, write_cut
from hwsim.kernels.tiling_bytes import all_slots_bytes
from hwsim.mapping.cut_tables import ERRANDS, new_store
from hwsim.mapping.op_cuts import OpCuts
from hwsim.mapping.strategies import slots
from plans import nothing, plans_of

NEAR = 1.02
_SINGLES = (0, 1 << c.WEIGHTS, 1 << c.ACTIVATIONS, 1 << c.WEIGHTS | 1 << c.ACTIVATIONS)


class Best(NamedTuple):
    """The cycles of the fastest cut, the fewest bytes of cuts that take at most 2 % longer, and how many cuts fit."""

    cycles: int
    bytes: int
    cuts: int


def best_of(program: Program, on: Chip) -> Best | None:
    """The best of all cuts of a program's only op with as many slots as the chip has, or fewer."""
    size, usable = on.scratchpad.size, slots(on.scratchpad.buffers)
    some = [best for best in (best_cut(plans_of(program, on, number).cuts, size) for number in usable) if best]
    if not some:
        return None
    cycles = min(best.cycles for best in some)
    fewest = min(best.bytes for best in some if best.cycles <= NEAR * cycles)
    return Best(cycles, fewest, sum(best.cuts for best in some))


def best_cut(cuts: OpCuts, room: int) -> Best | None:
    """The best of all cuts of a program's only op that fit the room, all tensors in DRAM; None if none fits."""
    tiling = cuts.store.tilings[cuts.tiling(0, nothing(cuts), nothing(cuts))].copy()
    fitting = [block for block in _blocks(tiling) if int(all_slots_bytes(*_held(block), tiling)) <= room]
    if not fitting:
        return None
    bounds = np.array([_bound(block, tiling) for block in fitting], np.int64)
    order = np.argsort(bounds, kind="stable")
    walked: list[tuple[int, int]] = []
    fastest = None
    for first in range(0, len(order), ERRANDS // 4):
        batch = order[first : first + ERRANDS // 4]
        if fastest is not None and bounds[batch[0]] > NEAR * fastest:
            break
        walked += zip(_cycles(cuts, [fitting[number] for number in batch]), batch.tolist(), strict=True)
        fastest = min(walked)[0]
    assert fastest is not None
    near = [fitting[number] for cycles, number in walked if cycles <= NEAR * fastest]
    return Best(fastest, min(_bytes(cuts, block, tiling) for block in near), len(fitting))


def _blocks(tiling: NDArray[np.int64]) -> Iterator[tuple[int, ...]]:
    """Of blocks that make up equally many parts the smallest ones: larger ones only hold more."""
    outers = list(_sides(int(whole_outer(tiling)), int(tiling[t.UNIT_OUTER])))
    inners = list(_sides(int(whole_inner(tiling)), int(tiling[t.UNIT_INNER])))
    k, unit_k = int(tiling[t.K]), int(tiling[t.UNIT_K])
    for outer, inner, depth in product(outers, inners, [k] if tiling[t.STAYS] else list(_sides(k, unit_k))):
        if tiling[t.LONGEST_STREAM] and outer > tiling[t.LONGEST_STREAM]:
            continue
        if tiling[t.SUMS] and k > unit_k:
            columns = -(-inner // int(tiling[t.UNIT_INNER])) if depth < k else 1
            if outer * columns > tiling[t.SUMS]:
                continue
        singles = _SINGLES if depth == k and tiling[t.SLOTS] > 1 else (0,)
        orders = (0, 1) if outer < whole_outer(tiling) and inner < whole_inner(tiling) else (0,)
        for swapped, single in product(orders, singles):
            yield outer, inner, depth, swapped, single


def _sides(whole: int, unit: int) -> Iterator[int]:
    """The sides of equal parts of a dimension, in whole tiles."""
    tiles = -(-whole // unit)
    sides = {min(whole, -(-tiles // parts) * unit) for parts in range(1, tiles + 1)}
    yield from sorted(sides)


def _held(block: tuple[int, ...]) -> tuple[int, int, int, int]:
    outer, inner, k, _, single = block
    return outer, inner, k, single


def _bound(block: tuple[int, ...], tiling: NDArray[np.int64]) -> int:
    outer, inner, k, swapped, _ = block
    return int(least_cycles(outer, inner, loaded_bytes(outer, inner, k, swapped, tiling), tiling))


def _cycles(cuts: OpCuts, blocks: list[tuple[int, ...]]) -> list[int]:
    """How long each of these cuts takes on a chip that does nothing else."""
    store = new_store(cuts.ops, 1, len(blocks), cuts.room)
    store.tilings[0] = cuts.store.tilings[cuts.tiling(0, nothing(cuts), nothing(cuts))]
    store.states[0, s.OF_PRODUCT] = 1
    for place, block in enumerate(blocks):
        store.errands[place, : s.W_BLOCK] = 0, 0, place
        store.errands[place, s.W_BLOCK :] = block
    store.counts[s.ERRANDS] = len(blocks)
    walk_cuts(store, 0, np.array([cuts.target.ports.latency], np.int64), cuts.room)
    return [int(cycles) for cycles in store.cycles[0, 0, : len(blocks)]]


def _bytes(cuts: OpCuts, block: tuple[int, ...], tiling: NDArray[np.int64]) -> int:
    """Bytes that the DRAM's ports pass."""
    rows = int(write_cut(tiling, np.array(block, np.int64), 1, cuts.room))
    steps = cuts.room.code[:rows]
    steps = steps[steps[:, c.KIND] == c.STEP]
    return int((steps[:, t.D_TIMES] * (steps[:, t.D_LOADED] + steps[:, t.D_STORED])).sum())
