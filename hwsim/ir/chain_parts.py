"""Parts of chains: neighbours in a chain are a chain themselves, which needs fewer parameters for each piece."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from hwsim.errors import InvalidValue
from hwsim.ir.chains import Chain, ChainUses
from hwsim.ir.program import Program


def part(program: Program, chain: Chain, first: str, last: str) -> Chain:
    """The ops of a chain from one to another; maybe no tensor shrinks."""
    for name in (first, last):
        if name not in chain.ops:
            raise InvalidValue(chain.name, name, "is none of the chain's ops")
    span = slice(chain.ops.index(first), chain.ops.index(last) + 1)
    if not chain.ops[span]:
        raise InvalidValue(chain.name, last, f"comes before {first}")
    return ChainUses.of(program).chain(chain.ops[span], chain.axes[span])


def parts(program: Program, chain: Chain) -> tuple[Chain, ...]:
    """A chain cut wherever less goes from op to op than before and after.

    In a stack of feed-forwards that is behind each residual add. A cut there stores and loads little, and saves the
    parameters of all other parts from being loaded, or from taking room, for each piece. Parts in which no tensor
    shrinks, or without a product, are left out.
    """
    uses = ChainUses.of(program)
    spans = pairwise((0, *_waists(_crossing(uses, chain)), len(chain.ops)))
    cut = (uses.chain(chain.ops[low:high], chain.axes[low:high]) for low, high in spans)
    return tuple(filter(uses.saves, cut))


def _waists(crossing: Sequence[int]) -> Iterator[int]:
    """Behind how many sizes one lies that is less than its neighbours, itself counted; of equals in a row the last.

    >>> list(_waists([4, 9, 3, 3, 5, 2]))
    [4]
    """
    place, levels = 0, [(size, len(list(equal))) for size, equal in groupby(crossing)]
    for (before, _), (size, count), (after, _) in zip([(0, 0), *levels], levels, [*levels[1:], (0, 0)], strict=False):
        place += count
        if before > size < after:
            yield place


def _crossing(uses: ChainUses, chain: Chain) -> tuple[int, ...]:
    """Between each op and the next, the bytes of tensors that one op wrote and a later one reads."""
    crossing = [0] * (len(chain.ops) - 1)
    for tensor in chain.shrinking:
        places = [place for place, name in enumerate(chain.ops) if name in uses.users[tensor]]
        for place in range(places[0], places[-1]):
            crossing[place] += uses.bytes_of((tensor,))
    return tuple(crossing)
