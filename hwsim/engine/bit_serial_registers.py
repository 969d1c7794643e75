"""One Gemm on a bit-serial array, by every register at every clock edge: values and cycles from the same run."""

import numpy as np

from hwsim.arrays.bit_serial import closed_form
from hwsim.arrays.bit_serial.array import BitSerialArray
from hwsim.arrays.bit_serial.elements import Serial
from hwsim.dataclass import dataclass
from hwsim.engine.register_run import Array, RegisterRun
from hwsim.hardware.array import GemmCycles
from hwsim.hardware.summation import Overflow
from hwsim.kernels.bit_serial import run_bit_serial
from hwsim.quantities.precision import Precision

_SERIAL = (Serial.WEIGHTS, Serial.ACTIVATIONS, Serial.BOTH)  # as kernels.bit_serial numbers them


@dataclass(frozen=True, slots=True, eq=False)
class BitSerialRun(RegisterRun):
    """A run, and the bits that registers took over in it."""

    register_bits: int


def run_bit_serial_registers(array: BitSerialArray, mode: Precision, act: Array, weight: Array) -> BitSerialRun:
    """act[m, k] @ weight[k, n]: the result with its cycles, saturations and movement."""
    register = array.accumulator
    tiles = [
        (row, column) for row in range(0, act.shape[0], array.rows) for column in range(0, weight.shape[1], array.cols)
    ]
    widths = array.parallel_bits(), closed_form.inner_bits(array, mode), closed_form.dot_bits(array, mode)
    out = np.zeros((act.shape[0], weight.shape[1]), np.int64)
    mac, last, clamped, bits = run_bit_serial(
        np.ascontiguousarray(act, np.int64),
        np.ascontiguousarray(weight, np.int64),
        np.array(tiles, np.int64),
        np.array([array.rows, array.cols, array.lanes, mode.bits, *widths, register.bits], np.int64),
        np.array([_SERIAL.index(array.serial), register.overflow is Overflow.WRAP], np.int64),
        np.array([register.lowest, register.highest], np.int64),
        out,
    )
    return BitSerialRun(out, GemmCycles(int(mac), int(last), len(tiles)), int(clamped), int(bits))
