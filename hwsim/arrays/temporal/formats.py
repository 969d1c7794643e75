"""How numbers are coded in time: as a sign, a magnitude that says in which cycle of a window a spike comes, and perhaps
an exponent."""

from functools import cache

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision

LONGEST_WINDOW = 128
"""Cycles: more magnitudes than those of int8 are refused, since a window grows with 2 to the power of their bits."""

_FLOATS = {Precision.FP8_E4M3: (3, 4), Precision.FP8_E5M2: (2, 5)}
"""Bits of mantissa and exponent."""


@dataclass(frozen=True, slots=True)
class TemporalFormat:
    """A mode of the array.

    An integer of b bits is a sign and a magnitude of 0 to 2^(b-1), the most negative one included: magnitude v > 0
    spikes in cycle v - 1 of a window, 0 never. An fp8 number with m bits of mantissa is normalised, subnormal ones too:
    ± (1 + t / 2^m) · 2^e spikes in cycle t.
    """

    magnitude_bits: int
    """The window has 2 to the power of so many cycles."""
    product_bits: int
    """The largest multiple."""
    tag_bits: int
    """What else of a word belongs to a product: its sign, and its exponent if it has one."""
    exponent_adder_bits: int = 0

    @property
    def window(self) -> int:
        """Cycles in which all multiples of a weight pass.

        >>> temporal_format(Precision.INT4).window, temporal_format(Precision.FP8_E4M3).window
        (8, 8)
        """
        return 1 << self.magnitude_bits


@cache
def temporal_format(mode: Precision) -> TemporalFormat | None:
    """How a format is coded in time; None, if it is not."""
    if mode in _FLOATS:
        mantissa, exponent = _FLOATS[mode]
        return TemporalFormat(
            magnitude_bits=mantissa,
            product_bits=2 * (mantissa + 1),
            tag_bits=1 + exponent,
            exponent_adder_bits=exponent + 1,
        )
    if mode.floating or not mode.signed or 1 << (mode.bits - 1) > LONGEST_WINDOW:
        return None
    # The largest product is 2^(b-1) · 2^(b-1), which takes 2 b - 1 bits.
    return TemporalFormat(magnitude_bits=mode.bits - 1, product_bits=2 * mode.bits - 1, tag_bits=1)
