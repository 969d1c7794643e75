"""The kinds of arrays of the house, one row each: importing this registers them."""

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.hardware.array import ARRAYS, ComputeArray

KINDS: tuple[type[ComputeArray], ...] = (SystolicArray,)

for kind in KINDS:
    ARRAYS.register(kind)
