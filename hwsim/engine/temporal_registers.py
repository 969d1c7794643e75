"""One Gemm on a temporal array, by every register at every clock edge: values and cycles from the same run."""

import numpy as np

from hwsim.arrays.temporal.array import TemporalArray
from hwsim.arrays.temporal.elements import Products
from hwsim.arrays.temporal.formats import TemporalFormat
from hwsim.dataclass import dataclass
from hwsim.engine.register_run import Array, RegisterRun
from hwsim.hardware.array import GemmCycles
from hwsim.hardware.summation import Overflow
from hwsim.kernels.temporal import run_temporal
from hwsim.quantities.precision import Precision
from hwsim.tensor.ordered import one_nan


@dataclass(frozen=True, slots=True, eq=False)
class TemporalRun(RegisterRun):
    """A run, and what moved in it: bits that registers took over, bits of the additions that make multiples, and the
    most additions that one row made in one cycle."""

    register_bits: int
    shared_adder_bits: int
    most_additions: int


def run_temporal_registers(array: TemporalArray, mode: Precision, act: Array, weight: Array) -> TemporalRun:
    """act[m, k] @ weight[k, n]: the result with its cycles, saturations and movement."""
    coded, register = array.coded(mode), array.summation(mode).register
    code = _floats if mode.floating else _integers
    magnitudes_of_acts, act_units = code(act, coded)
    magnitudes, weight_units = code(weight, coded)
    first = 1 << coded.magnitude_bits if mode.floating else 1
    tiles = [
        (row, column) for row in range(0, act.shape[0], array.rows) for column in range(0, weight.shape[1], array.cols)
    ]
    widths = mode.bits, coded.product_bits, coded.tag_bits, array.sum_bits(mode)
    out = np.zeros((act.shape[0], weight.shape[1]), np.float32 if mode.floating else np.int64)
    with np.errstate(over="ignore", invalid="ignore"):  # an interpreted kernel would warn of infinite sums
        mac, last, clamped, bits, adder_bits, most = run_temporal(
            np.maximum(magnitudes_of_acts - first, -1),  # no spike without a magnitude
            act_units,
            magnitudes,
            weight_units,
            np.array(tiles, np.int64),
            np.array([array.rows, array.cols, coded.window, first, *widths], np.int64),
            np.array([array.products is Products.PIPELINED, register.overflow is Overflow.WRAP], np.int64),
            np.array([register.lowest, register.highest], np.int64).astype(out.dtype),
            out,
        )
    return TemporalRun(
        out=one_nan(out) if mode.floating else out,
        cycles=GemmCycles(int(mac), int(last), len(tiles)),
        saturations=int(clamped),
        register_bits=int(bits),
        shared_adder_bits=int(adder_bits),
        most_additions=int(most),
    )


def _integers(values: Array, coded: TemporalFormat) -> tuple[Array, Array]:
    """Magnitudes and signs."""
    wide = values.astype(np.int64)
    return np.ascontiguousarray(np.abs(wide)), np.ascontiguousarray(np.sign(wide))


def _floats(values: Array, coded: TemporalFormat) -> tuple[Array, Array]:
    """Significands of normalised numbers, as integers, and what one of their last place is worth, with the sign; an
    infinity or NaN has no significand and stands for itself."""
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    fractions, exponents = np.frexp(np.where(finite, np.abs(wide), 0))
    places = coded.magnitude_bits + 1
    significands = (fractions * (1 << places)).astype(np.int64)
    units = np.where(finite, np.sign(wide) * np.exp2(exponents - places), wide)
    return np.ascontiguousarray(significands), np.ascontiguousarray(units)
