"""Physical quantities: how people write them, and the exact base unit in which nouns hold them.

Whole quantities (hertz, bytes, picoseconds) are ints, others are Fractions; `parse` is exact.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from hwsim.errors import InvalidValue

_WRITTEN = re.compile(r"\s*([-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?)\s*(\S.*?)?\s*")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A unit with its multiples, and the range that is physically possible.

    >>> HERTZ.parse("1.5 GHz")
    1500000000
    >>> HERTZ.broken_by(0)
    'must be at least 1 Hz'
    """

    base: str
    multiples: Mapping[str, Fraction] = field(hash=False)
    low: int | Fraction
    high: int | Fraction
    whole: bool = True
    bare: bool = True
    """Whether a number without a unit means base units; otherwise only 0 needs none."""

    def parse(self, written: object) -> int | Fraction:
        """The quantity in base units; ValueError says what is wrong."""
        if isinstance(written, bool) or not isinstance(written, (int, float, str)):
            raise ValueError(self._wanted)
        match = _WRITTEN.fullmatch(written if isinstance(written, str) else repr(written))
        if match is None:
            raise ValueError(self._wanted)
        amount, unit = Fraction(Decimal(match[1])), match[2] or self.base
        if unit not in self.multiples:
            raise ValueError(f"unknown unit {unit[:20]!r}; known: {', '.join(self.multiples)}")
        if not match[2] and not self.bare and amount:
            raise ValueError(self._wanted)
        amount *= self.multiples[unit]
        if not self.whole:
            return amount
        if amount.denominator != 1:
            raise ValueError(f"must be a whole number of {self.base}")
        return int(amount)

    def broken_by(self, value: object) -> str | None:
        kind = int if self.whole else (int, Fraction)
        if isinstance(value, bool) or not isinstance(value, kind):
            return f"must be a {'whole' if self.whole else 'rational'} number of {self.base}"
        if value < self.low:
            return f"must be at least {self.written(self.low)}"
        return f"must be at most {self.written(self.high)}" if value > self.high else None

    def written(self, value: int | Fraction) -> str:
        """A value in the largest unit that gives a whole number.

        >>> PICOSECONDS.written(86_400 * 10**12), HERTZ.written(1500)
        ('24 h', '1500 Hz')
        """
        whole = {unit: value / factor for unit, factor in self.multiples.items() if (value / factor).denominator == 1}
        unit = max(whole, key=lambda unit: self.multiples[unit], default=self.base)
        return f"{whole.get(unit, value)} {unit}"

    @property
    def _wanted(self) -> str:
        largest = max(self.multiples, key=lambda unit: self.multiples[unit])
        return f"must be a number with a unit, such as '1 {largest}'"

    # The two hooks below are how files meet nouns: the validator asks an annotation for its own reading.

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        return {"type": "function-plain", "function": {"type": "no-info", "function": self.parse}}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit in self.multiples)
        digits = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
        optional = "?" if self.bare else ""
        text = {"type": "string", "pattern": rf"^\s*{digits}\s*({units}){optional}\s*$"}
        number = {"type": "number", "minimum": float(self.low)} if self.bare else {"const": 0}
        described = f"in {', '.join(self.multiples)}" + (f"; a bare number is in {self.base}" if self.bare else "")
        return {"anyOf": [text, number], "description": described}


def _decimal(base: str, **powers: int) -> dict[str, Fraction]:
    """Multiples of a unit by powers of ten; a keyword is a prefix, `_` stands for none."""
    return {("" if prefix == "_" else prefix) + base: Fraction(10) ** power for prefix, power in powers.items()}


_BYTES = _decimal("B", _=0, k=3, M=6, G=9, T=12) | {f"{p}iB": Fraction(1024) ** n for n, p in enumerate("KMGT", 1)}
_TIMES = _decimal("s", p=0, n=3, u=6, m=9, _=12) | {
    "µs": Fraction(10**6),
    "min": Fraction(60 * 10**12),
    "h": Fraction(3600 * 10**12),
}

HERTZ = Quantity("Hz", _decimal("Hz", _=0, k=3, M=6, G=9), 1, 10**12)
BYTES = Quantity("B", _BYTES, 1, 2**50)
BYTES_PER_SECOND = Quantity("B/s", {f"{unit}/s": factor for unit, factor in _BYTES.items()}, 1, 10**15)
BYTES_PER_CYCLE = Quantity("B/cycle", {"B/cycle": Fraction(1)}, 1, 2**30)
PICOSECONDS = Quantity("ps", _TIMES, 0, 86_400 * 10**12, bare=False)
FRAME_TIME = replace(PICOSECONDS, low=10**9)
UTTERANCE = replace(PICOSECONDS, low=10**9)
JOULES = Quantity("aJ", _decimal("J", a=0, f=3, p=6, n=9, u=12, m=15, _=18), 0, 10**18, whole=False, bare=False)
NANOMETRES = Quantity("nm", {"nm": Fraction(1), "um": Fraction(1000)}, 1, 10_000, whole=False, bare=False)
LENGTH = Quantity("nm", _decimal("m", n=0, u=3, m=6), 1, 10**9, whole=False, bare=False)
AREA = Quantity(
    "um2", {"um2": Fraction(1), "mm2": Fraction(10**6)}, Fraction(1, 10**6), 10**12, whole=False, bare=False
)
VOLTS = Quantity("V", _decimal("V", m=-3, _=0), Fraction(1, 10), 5, whole=False, bare=False)
WATTS = Quantity("W", _decimal("W", n=-9, u=-6, m=-3, _=0), 0, 10**6, whole=False, bare=False)
PER_SECOND = Quantity("/s", {"/s": Fraction(1)}, Fraction(1, 1000), 10**6, whole=False)


def power_cap(place: str, given: object) -> Fraction:
    """A power cap as a text with its unit, or as a number of watts; InvalidValue says what is wrong with it.

    >>> power_cap("power_cap", "500 mW"), power_cap("power_cap", 0.25)
    (Fraction(1, 2), Fraction(1, 4))
    """
    try:
        watts = isinstance(given, (int, float, Fraction)) and not isinstance(given, bool)
        power = Fraction(given) if watts else Fraction(WATTS.parse(given))  # type: ignore[call-overload]
    except (ValueError, OverflowError) as error:  # not finite, if it is a number
        law = "must be a finite number of watts" if isinstance(given, float) else str(error)
        raise InvalidValue(place, given, law) from error
    problem = WATTS.broken_by(power) or (None if power else "must be above 0 W")
    if problem is not None:
        raise InvalidValue(place, float(power) if isinstance(given, Fraction) else given, problem)
    return power


Hertz = Annotated[int, HERTZ]
Bytes = Annotated[int, BYTES]
BytesPerSecond = Annotated[int, BYTES_PER_SECOND]
BytesPerCycle = Annotated[int, BYTES_PER_CYCLE]
Picoseconds = Annotated[int, PICOSECONDS]
FrameTime = Annotated[int, FRAME_TIME]
Utterance = Annotated[int, UTTERANCE]
Attojoules = Annotated[Fraction, JOULES]
Nanometres = Annotated[Fraction, NANOMETRES]
Length = Annotated[Fraction, LENGTH]
SquareMicrometres = Annotated[Fraction, AREA]
Volts = Annotated[Fraction, VOLTS]
Watts = Annotated[Fraction, WATTS]
PerSecond = Annotated[Fraction, PER_SECOND]
