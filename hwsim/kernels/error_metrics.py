"""What two arrays of numbers have in common, in one pass."""

import numpy as np

from hwsim.kernels.jit import kernel

SIGNAL, NOISE, POWER, PRODUCT = range(4)
_LANES = 8


@kernel
def measure_errors(wanted, found, sums):
    """Adds to sums[4]: Σ wanted², Σ (wanted - found)², Σ found², Σ wanted · found, in double precision.

    Each sum is made of eight, so that additions do not wait for each other.
    """
    signal, noise = np.zeros(_LANES), np.zeros(_LANES)
    power, product = np.zeros(_LANES), np.zeros(_LANES)
    whole = wanted.size - wanted.size % _LANES
    for i in range(0, whole, _LANES):
        for lane in range(_LANES):
            w, f = np.float64(wanted[i + lane]), np.float64(found[i + lane])
            signal[lane] += w * w
            noise[lane] += (w - f) * (w - f)
            power[lane] += f * f
            product[lane] += w * f
    for i in range(whole, wanted.size):
        w, f = np.float64(wanted[i]), np.float64(found[i])
        signal[0] += w * w
        noise[0] += (w - f) * (w - f)
        power[0] += f * f
        product[0] += w * f
    for lane in range(_LANES):
        sums[SIGNAL] += signal[lane]
        sums[NOISE] += noise[lane]
        sums[POWER] += power[lane]
        sums[PRODUCT] += product[lane]
