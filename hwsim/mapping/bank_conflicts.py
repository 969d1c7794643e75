"""How much longer operands keep the scratchpad's read port because words of their streams lie on the same banks."""

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hwsim.hardware.array import StepCosts, Takes, TilingConstraints
from hwsim.kernels import bank_words as b
from hwsim.mapping.streams import Stream, Streams, size_of
from hwsim.mapping.target import Banks

_LONGEST = 1 << 62


class Lines(NamedTuple):
    """In which lines an array takes an operand: how many lanes a line has, which lie along K, or else across rows."""

    along_k: bool
    lanes: int


class Stretches(NamedTuple):
    """How much longer the activations of a product, and what takes the place of its weight, keep the port; 1: as long
    as without banks."""

    act: Fraction
    weight: Fraction


def stretches(streams: Streams, limits: TilingConstraints, costs: StepCosts, banks: Banks) -> Stretches:
    """How much longer each operand keeps the read port."""
    outer_is_act = not limits.n_is_outer
    operands = (streams.act, costs.acts, outer_is_act), (streams.weight, costs.weights, not outer_is_act)
    return Stretches(
        *(
            Fraction(1)
            if stream is None or takes is Takes.NEVER
            else stretch(stream, lines_of(limits, outer=outer), banks)
            for stream, takes, outer in operands
        )
    )


def lines_of(limits: TilingConstraints, *, outer: bool) -> Lines:
    """In which lines an array takes an operand, whose rows lie along the outer or the inner dimension.

    What streams through an array with a stationary operand comes row by row, as much of K at once as a tile covers. The
    stationary operand comes one K after the other, across the rows of its tile, and so do both where results stay.
    """
    if outer and not limits.outputs_stay:
        return Lines(along_k=True, lanes=limits.unit.k)
    return Lines(along_k=False, lanes=limits.unit.outer if outer else limits.unit.inner)


@lru_cache(maxsize=1 << 12)
def stretch(stream: Stream, lines: Lines, banks: Banks) -> Fraction:
    """Bytes that the port could pass while the banks serve a stream, for each of its bytes; 1, if no cycle is lost."""
    cycles, least = cycles_of(stream, lines, banks), -(-stream.bytes // banks.port_bytes)
    if cycles <= least:
        return Fraction(1)
    return Fraction(cycles * banks.port_bytes, stream.bytes)


def cycles_of(stream: Stream, lines: Lines, banks: Banks) -> int:
    """Cycles in which the banks serve all words that a stream asks for.

    >>> from hwsim.mapping.streams import Axis
    >>> rows = Stream(8, rows=(Axis(16, 8 * 64),), ks=(Axis(64, 8),))
    >>> cycles_of(rows, Lines(True, 64), Banks(8, 8, 8)), cycles_of(rows, Lines(False, 16), Banks(8, 8, 8))
    (16, 128)
    """
    fixed, moved = (stream.ks, stream.rows) if lines.along_k else (stream.rows, stream.ks)
    lanes = min(lines.lanes, size_of(fixed))
    how = np.array([stream.bits, 8 * banks.width, banks.count, banks.port, lanes], np.int64)
    room = np.zeros((2, lanes), np.int64), np.zeros((b.LEVELS, banks.count), np.int64), np.zeros(banks.port, np.int64)
    state = np.zeros((b.LEVELS, b.STATE), np.int64)
    return int(b.cycles_of(np.array(fixed, np.int64), np.array(moved, np.int64), how, *room, state))


def as_ratio(stretch: Fraction) -> tuple[int, int]:
    """Numerator and denominator for kernels, numerator 0 for 1. Terms whose product 64 bits do not hold are rounded up
    to a 2²⁰-th."""
    if stretch == 1:
        return 0, 1
    if stretch.numerator * stretch.denominator < _LONGEST:
        return stretch.numerator, stretch.denominator
    return -(-stretch.numerator * 2**20 // stretch.denominator), 2**20
