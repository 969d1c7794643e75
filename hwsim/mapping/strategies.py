"""Which plans are made of a program: strategies, sizes of the scratchpad, and numbers of slots."""

from hwsim.mapping.plan import Strategy

STRATEGIES = (
    Strategy(4),
    Strategy(32),
    Strategy(4, partial_residency=True),
    Strategy(32, partial_residency=True),
    Strategy(4, partial_residency=True, min_traffic=True),
    Strategy(4, partial_residency=True, latency=0),
    Strategy(4, partial_residency=True, latency=1000),
)
ANY_BLOCK_STRATEGIES = (
    Strategy(4, any_block=True, near_fastest=True),
    Strategy(32, partial_residency=True, any_block=True, near_fastest=True),
    Strategy(4, any_block=True),
    Strategy(4, partial_residency=True, min_traffic=True, any_block=True),
    Strategy(4, partial_residency=True, latency=1000, any_block=True),
)
"""Strategies with blocks of any shape, beside which those with square blocks stay: a cut that is faster alone need not
be faster in its program."""

FEW_OPS = 4
FEW_OPS_STRATEGIES = tuple(Strategy(4, any_block=True, latency=latency) for latency in (0, 10, 20, 40))
"""More for a program of so few ops, so counted: alone, an op waits for the DRAM more often than among others."""
LATENCIES = tuple(sorted({strategy.latency for strategy in STRATEGIES + FEW_OPS_STRATEGIES}))
LARGEST_DIVISOR = max(strategy.working_set_divisor for strategy in STRATEGIES)
ALL_STRATEGIES = STRATEGIES + ANY_BLOCK_STRATEGIES + FEW_OPS_STRATEGIES
SLOTS = (1, 2, 3, 4, 6, 8, 12, 16)
MANY_OPS = 4096
"""With more ops than that, each counted as often as it changes its sizes, a program has fewer candidate capacities."""
MOST_IN_PIECES = 1024
"""A program of more ops, so counted, is not planned with its chains in pieces too: that doubles what planning takes."""


def powers_below(size: int, spacing: int = 1) -> tuple[int, ...]:
    """The powers of two up to a scratchpad's size, or every `spacing`-th of them, largest first.

    >>> powers_below(100)[:4], powers_below(100, spacing=2)
    ((64, 32, 16, 8), (64, 16, 4, 1))
    """
    top = size.bit_length() - 1
    return tuple(1 << power for power in range(top - top % spacing, -1, -spacing))


def candidate_capacities(size: int, spacing: int = 1) -> tuple[int, ...]:
    """The scratchpad's own size, and the powers of two below it, largest first.

    Every power of two below a scratchpad's size is also below any larger size. So the plans for a scratchpad of such a
    size are among the plans for each larger scratchpad, which is therefore never slower.
    """
    return tuple(dict.fromkeys((size, *powers_below(size, spacing))))


def stride(ops: int) -> int:
    """How many powers of two lie between the capacities for a program of so many ops: a power of two itself, up to 8.

    >>> stride(4096), stride(4097), stride(20_000), stride(10**6)
    (1, 2, 8, 8)
    """
    return next((spacing for spacing in (1, 2, 4) if ops <= spacing * MANY_OPS), 8)


def slots(buffers: int) -> tuple[int, ...]:
    """As many slots as the chip has, and fewer, most first.

    >>> slots(5)
    (5, 4, 3, 2, 1)
    """
    return tuple(dict.fromkeys((buffers, *(number for number in reversed(SLOTS) if number <= buffers))))


def strategies(ops: int, *, in_pieces: bool = False) -> tuple[Strategy, ...]:
    """Those for a program of so many ops, or for the same program with its chains in pieces."""
    few = ops > MANY_OPS
    in_any_blocks: tuple[Strategy, ...] = ANY_BLOCK_STRATEGIES[:2] if few else ANY_BLOCK_STRATEGIES
    in_any_blocks += FEW_OPS_STRATEGIES if ops <= FEW_OPS else ()
    return in_any_blocks if in_pieces else (STRATEGIES[:5] if few else STRATEGIES) + in_any_blocks


def latencies(ops: int) -> tuple[int, ...]:
    """The latencies of the DRAM for which cuts are chosen in a program of so many ops; none is that of naive cuts.

    >>> latencies(1), latencies(10), latencies(5000)
    ((0, 10, 20, 40, 100, 1000), (0, 100, 1000), (0, 100))
    """
    return tuple(sorted({0, *(strategy.latency for strategy in strategies(ops))}))
