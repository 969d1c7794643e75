"""Programs whose products of activations run piece by piece, so that what lies between them stays in the scratchpad.

Attention is such a chain of products: head by head its scores and shares need a small part of the room that those of
all heads take. No op of these chains has parameters, so nothing is loaded for each piece that would be loaded once.
"""

from collections.abc import Iterator
from itertools import groupby

from hwsim.ir.chains import Chain, ChainUses, all_chains
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Gemm
from hwsim.ir.pieces import looped
from hwsim.ir.program import Program

MOST_PIECES = 64
"""A chain along an axis with more entries is left whole: its pieces would be too small to fill an array."""


def chained(program: Program) -> Program | None:
    """The program with a loop for each chain, one entry of its axis an iteration; None if there is no chain."""
    uses = ChainUses.of(program)
    loops = {loop.name for placed in program.placed() for loop in placed.loops}
    found = [one for chain in all_chains(program) for one in _without_parameters(program, uses, chain)]
    taken: dict[Chain, int] = {}
    used: set[str] = set()
    for chain in sorted(found, key=lambda one: uses.bytes_of(one.shrinking), reverse=True):
        small = chain.size <= MOST_PIECES and _divides_batches(uses, chain)
        if small and chain.name not in loops and used.isdisjoint(chain.ops):
            used.update(chain.ops)
            taken[chain] = chain.size
    return looped(program, taken) if taken else None


def _divides_batches(uses: ChainUses, chain: Chain) -> bool:
    """Whether the products of each piece are as large as before, only fewer, so that they fill the array as well."""
    ops = zip(map(uses.op, chain.ops), chain.axes, strict=True)
    return all(op.weight in dict(axis) for op, axis in ops if isinstance(op, Gemm))


def _without_parameters(program: Program, uses: ChainUses, chain: Chain) -> Iterator[Chain]:
    """The longest parts of a chain whose ops have no parameters, if a tensor between them shrinks."""
    axis_of = dict(zip(chain.ops, chain.axes, strict=True))
    for has_parameters, names in groupby(chain.ops, key=lambda name: _has_parameters(program, uses, name)):
        if not has_parameters:
            ops = tuple(names)
            shorter = uses.chain(ops, tuple(axis_of[name] for name in ops))
            if uses.saves(shorter):
                yield shorter


def _has_parameters(program: Program, uses: ChainUses, name: str) -> bool:
    op = uses.op(name)
    return any(program.tensor(view.tensor).role.parameter for view in op_spec(op).reads(op))
