"""Programs whose products of activations run piece by piece, so that what lies between them stays in the scratchpad.

Attention is such a chain of products: head by head its scores and shares need a small part of the room that those of
all heads take. No op of these chains has parameters, so nothing is loaded for each piece that would be loaded once.
"""

from hwsim.ir.chains import Chain, ChainUses, all_chains, disjoint
from hwsim.ir.ops import Gemm
from hwsim.ir.pieces import looped
from hwsim.ir.program import Program

MOST_PIECES = 64
"""A chain along an axis with more entries is left whole: its pieces would be too small to fill an array."""


def chained(program: Program) -> Program | None:
    """The program with a loop for each chain, one entry of its axis an iteration; None if there is no chain."""
    uses = ChainUses.of(program)
    loops = {loop.name for placed in program.placed() for loop in placed.loops}
    small = [
        chain
        for chain in all_chains(program, parameters=False)
        if chain.size <= MOST_PIECES and chain.name not in loops and _divides_batches(uses, chain)
    ]
    taken = {chain: chain.size for chain in disjoint(small, uses)}
    return looped(program, taken) if taken else None


def _divides_batches(uses: ChainUses, chain: Chain) -> bool:
    """Whether the products of each piece are as large as before, only fewer, so that they fill the array as well."""
    ops = zip(map(uses.op, chain.ops), chain.axes, strict=True)
    return all(op.weight in dict(axis) for op, axis in ops if isinstance(op, Gemm))
