"""How the products of one result become one number: widths, overflow, and the order of the additions.

Wrapping does not depend on the order, saturation does, so the order is part of the value.
"""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Table, Whole
from hwsim.quantities.precision import Precision

Products = Annotated[int, Whole(low=1, high=2**30)]


class Overflow(Enum):
    """What a register does with a sum that it cannot hold."""

    SATURATE = "saturate"
    WRAP = "wrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Noun):
    """A two's complement register that sums are kept in.

    >>> Register(bits=8).settled(300), Register(bits=8, overflow=Overflow.WRAP).settled(300)
    (127, 44)
    """

    bits: Annotated[int, Whole(low=8, high=64)] = 32
    overflow: Overflow = Overflow.SATURATE

    @property
    def lowest(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def highest(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def settled(self, total: int) -> int:
        """What the register holds after an addition with that exact result."""
        if self.overflow is Overflow.SATURATE:
            return max(self.lowest, min(self.highest, total))
        return (total - self.lowest) % (1 << self.bits) + self.lowest


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulator(Noun):
    """The partial sums of an array: width, overflow rule, and how many a column holds (null: as many as it takes).

    With a `chunk`, that many products are summed in it, then added to the `outer` register, and it starts anew.
    """

    bits: Annotated[int, Whole(low=8, high=64)] = 32
    overflow: Overflow = Overflow.SATURATE
    entries: Products | None = None
    chunk: Products | None = None
    outer: Register | None = None

    def check(self) -> None:
        if (self.chunk is None) != (self.outer is None):
            raise InvalidValue("chunk", self.chunk, "is given together with `outer`, or not at all")
        if self.outer is not None and self.outer.bits < self.bits:
            raise InvalidValue("outer.bits", self.outer.bits, f"must be at least the {self.bits} bits of the inner one")

    @property
    def register(self) -> Register:
        return Register(bits=self.bits, overflow=self.overflow)

    @property
    def result(self) -> Register:
        """The register in which complete sums stand."""
        return self.outer or self.register


Accumulators = Annotated[tuple[tuple[Precision, Accumulator], ...], Table()]
"""One accumulator for each mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summation(Noun):
    """The order in which an array adds the products k = 0, 1, 2, … of one result.

    `packed` consecutive products are added exactly; that sum is added to the running sum, which then settles in the
    register. After `tile` products (None: never) the running sum is added to the buffer, which settles likewise, and
    starts again from zero. After `chunk` products (None: never) the buffer is added to the outer register, and starts
    again from zero. What is left at the end is added the same way.

    >>> Summation(packed=1, tile=2, register=Register(bits=8)).total([100, 100, -100, -100])
    -1
    >>> Summation(packed=1, tile=None, register=Register(bits=8)).total([100, 100, -100, -100])
    -73
    """

    packed: Products = 1
    tile: Products | None = None
    register: Register = Register()
    chunk: Products | None = None
    outer: Register | None = None

    def check(self) -> None:
        if self.tile is not None and self.tile % self.packed:
            raise InvalidValue("tile", self.tile, f"must be a multiple of the {self.packed} packed products")
        unit = self.tile or self.packed
        if self.chunk is not None and self.chunk % unit:
            raise InvalidValue("chunk", self.chunk, f"must be a multiple of {unit} products")
        if (self.chunk is None) != (self.outer is None):
            raise InvalidValue("chunk", self.chunk, "is given together with `outer`, or not at all")

    def total(self, products: list[int]) -> int:
        """The sum of some products, one by one: the definition that everything faster is held against."""
        running = buffer = outer = 0
        for start in range(0, len(products), self.packed):
            running = self.register.settled(running + sum(products[start : start + self.packed]))
            done = start + self.packed
            ends_chunk = self.chunk is not None and done % self.chunk == 0
            ends_tile = self.tile is not None and done % self.tile == 0
            if ends_tile or ends_chunk or done >= len(products):
                buffer, running = self.register.settled(buffer + running), 0
            if self.outer and (ends_chunk or done >= len(products)):
                outer, buffer = self.outer.settled(outer + buffer), 0
        return outer if self.outer else buffer
