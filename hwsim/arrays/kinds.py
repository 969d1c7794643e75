"""The kinds of arrays of the house, one row each: importing this registers them."""

from hwsim.arrays.bit_serial.array import BitSerialArray
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.temporal.array import TemporalArray
from hwsim.hardware.array import ARRAYS, ComputeArray

KINDS: tuple[type[ComputeArray], ...] = (SystolicArray, TemporalArray, BitSerialArray)

for kind in KINDS:
    ARRAYS.register(kind)
