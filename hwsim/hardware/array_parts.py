"""What the parts of an array cost: prices and areas that a kind of array asks for by what it is made of."""

from fractions import Fraction
from typing import Protocol

from hwsim.hardware.prices import UnitPrice
from hwsim.quantities.precision import Precision


class PartPrices(Protocol):
    """The energies of parts, by a chip's price table and in its process."""

    def mac(self, mode: Precision, packed: int, sum_bits: int, *, gated: bool) -> UnitPrice:
        """One digital product, where `packed` of them share an addition to a sum of that width; `gated` is one with a
        factor that is zero, where the multiplier's inputs are held."""

    def additions(
        self, action: str, bits: int | Fraction, *, gates: Fraction = Fraction(0), floating: int = 0
    ) -> UnitPrice:
        """One product of that name made by integer additions of so many bits in all, so many gates of two inputs that
        switch, and so many additions in fp32."""

    def partial_sum(self, mode: Precision, bits: int, entries: int | None) -> UnitPrice:
        """One sum of that width, read or written in a memory of so many (None: in the scratchpad)."""

    def adc(self, bits: int) -> UnitPrice:
        """One conversion to that many bits."""

    def dac(self, bits: int) -> UnitPrice:
        """One conversion from that many bits."""


class PartAreas(Protocol):
    """The areas of parts, in square micrometres of a chip's process."""

    def multiplier(self, mode: Precision) -> Fraction:
        """A multiplier of two numbers of that format."""

    def adder(self, bits: int) -> Fraction:
        """Integer adders of that width in all."""

    def floating_adder(self) -> Fraction:
        """An adder in fp32."""

    def gates(self, count: int) -> Fraction:
        """Gates of two inputs."""

    def registers(self, bits: int) -> Fraction:
        """Registers of that many bits."""

    def memory(self, bits: int) -> Fraction:
        """Static memory of that many bits."""

    def adc(self, bits: int) -> Fraction:
        """A converter to that many bits."""

    def dac(self, bits: int) -> Fraction:
        """A converter from that many bits."""
