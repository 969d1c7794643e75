"""What a register-level engine finds out, whatever the kind of its array."""

from typing import Any, Protocol

from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.hardware.array import GemmCycles
from hwsim.quantities.precision import Precision

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RegisterRun:
    """The result, the cycles that it took, and how many additions a saturating register clamped."""

    out: Array
    cycles: GemmCycles
    saturations: int


class RegisterEngine(Protocol):
    """One product, register by register, on an array of its kind."""

    def __call__(self, array: Any, mode: Precision, act: Array, weight: Array) -> RegisterRun: ...
