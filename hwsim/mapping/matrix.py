"""Which blocks a matrix product is cut into: of some candidates the fastest."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from hwsim.errors import Unsupported
from hwsim.hardware.tile_shape import TileShape
from hwsim.mapping.alone import cycles_of
from hwsim.mapping.blocks import largest_block, smallest_block
from hwsim.mapping.operands import Operands
from hwsim.mapping.target import Target
from hwsim.mapping.tiling import Tiling
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Block
from hwsim.schedule.steps import StepTree


@dataclass(frozen=True, slots=True)
class TiledMatmul:
    """A matrix product in blocks. `bytes_held` are all slots of all rings."""

    block: Block
    steps: tuple[StepTree, ...]
    bytes_held: int


def mode_of(operands: Operands, target: Target) -> Precision:
    """The mode of the array that takes the operands."""
    mode = target.array.mode(operands.act, operands.act if operands.dequantized else operands.weight)
    if mode is None:
        raise target.array.refusal(operands.act, operands.weight)
    return mode


@lru_cache(maxsize=1 << 14)
def naive_block(tiling: Tiling, limit: int) -> TileShape:
    """The largest square block whose slots fit the limit, or the smallest block that there is."""
    block = largest_block(tiling.whole, tiling.constraints, _fitting(tiling, limit // tiling.target.slots))
    return block or smallest_block(tiling.whole, tiling.constraints)


def naive_bytes(tiling: Tiling, limit: int) -> int:
    """Bytes of all slots of the naive block."""
    return tiling.bytes_held(naive_block(tiling, limit)) * tiling.target.slots


def naive_tiling(tiling: Tiling, limit: int) -> TiledMatmul:
    """The product in naive blocks."""
    return tiled_into(tiling, naive_block(tiling, limit))


def fastest_tiling(tiling: Tiling, limit: int, latency: int) -> TiledMatmul:
    """The fastest of the candidates whose slots fit the limit, with a DRAM of that latency."""
    return _fastest_within(tiling, _most_that_fits(tiling, limit), latency)


def _most_that_fits(tiling: Tiling, limit: int) -> int:
    """The bytes of the largest candidate within the limit: equal choices have equal bounds."""
    sizes = _sizes(tiling)
    fitting = bisect_right(sizes, limit)
    if not fitting:
        slots = tiling.target.slots
        smallest = tiling.bytes_held(smallest_block(tiling.whole, tiling.constraints)) * slots
        raise Unsupported(
            f"one tile of the array takes {smallest} bytes with {slots} buffers, the scratchpad has {limit} for it; "
            "give a larger one"
        )
    return sizes[fitting - 1]


def min_traffic_tiling(tiling: Tiling, limit: int) -> TiledMatmul:
    """Of the candidates whose slots fit the limit the one that loads least; of equals the one that may be fastest."""
    return _min_traffic_within(tiling, _most_that_fits(tiling, limit))


@lru_cache(maxsize=1 << 14)
def _min_traffic_within(tiling: Tiling, limit: int) -> TiledMatmul:
    fitting = [(tiling.loaded_bytes(block), least, block) for least, size, block in _ranked(tiling) if size <= limit]
    return tiled_into(tiling, min(fitting, key=lambda one: one[:2])[2])


@lru_cache(maxsize=1 << 14)
def _fastest_within(tiling: Tiling, limit: int, latency: int) -> TiledMatmul:
    """The candidates are tried in the order of what they take at least, as long as that is less than the best takes."""
    best: tuple[int, TileShape] | None = None
    for least, size, block in _ranked(tiling):
        if best is not None and least >= best[0]:
            break
        if size <= limit:
            cycles = cycles_alone(tiling, block, latency)
            best = (cycles, block) if best is None or cycles < best[0] else best
    assert best is not None
    return tiled_into(tiling, best[1])


@lru_cache(maxsize=1 << 13)
def _ranked(tiling: Tiling) -> tuple[tuple[int, int, TileShape], ...]:
    """The candidates by what they take at least: that, the bytes of all slots, the block."""
    slots = tiling.target.slots
    ranked = [(tiling.least_cycles(block), tiling.bytes_held(block) * slots, block) for block in candidates(tiling)]
    return tuple(sorted(ranked, key=lambda one: one[0]))


@lru_cache(maxsize=1 << 13)
def _sizes(tiling: Tiling) -> tuple[int, ...]:
    """Bytes of all slots of the candidates, in order."""
    return tuple(sorted(size for _, size, _ in _ranked(tiling)))


@lru_cache(maxsize=1 << 13)
def candidates(tiling: Tiling) -> tuple[TileShape, ...]:
    """Blocks for budgets of all powers of two, largest first: square ones, and such with K or the stream whole."""
    slots, whole, constraints = tiling.target.slots, tiling.whole, tiling.constraints
    smallest = smallest_block(whole, constraints)
    low, high = (tiling.bytes_held(block) * slots for block in (smallest, whole))
    found: dict[TileShape, None] = {}
    for power in range(max(low, high - 1).bit_length(), low.bit_length() - 1, -1):
        for long in ((), ("k",), ("outer",)):
            block = largest_block(whole, constraints, _fitting(tiling, (1 << power) // slots), long)
            if block is not None:
                found[block] = None
    return (*found, *(() if smallest in found else (smallest,)))


def _fitting(tiling: Tiling, room: int) -> Callable[[TileShape], bool]:
    """Whether one slot of every ring fits."""
    return lambda block: tiling.bytes_held(block) <= room


@lru_cache(maxsize=1 << 15)
def tiled_into(tiling: Tiling, block: TileShape) -> TiledMatmul:
    """The product in blocks of that size."""
    m, n = tiling.constraints.m_and_n(block)
    held = tiling.bytes_held(block) * tiling.target.slots
    return TiledMatmul(Block(m=m, k=block.k, n=n), tiling.steps(block), held)


@lru_cache(maxsize=1 << 15)
def cycles_alone(tiling: Tiling, block: TileShape, latency: int) -> int:
    """How long the product takes in such blocks on a chip that does nothing else, with a DRAM of that latency."""
    return cycles_of(tiled_into(tiling, block).steps, tiling.target.ports_at(latency))


def tried(tiling: Tiling, limit: int) -> tuple[tuple[TiledMatmul, int], ...]:
    """All candidates with the cycles of each alone, for who asks why one was chosen; the naive one is among them."""
    blocks = dict.fromkeys((*candidates(tiling), naive_block(tiling, limit)))
    latency = tiling.target.ports.latency
    return tuple((tiled_into(tiling, block), cycles_alone(tiling, block, latency)) for block in blocks)
