"""Products on analog tiles, against a plain product in float32 with clipping and rounding."""

import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np

from benchmarks.measure import seconds
from hwsim.engine.mvm import program
from hwsim.hardware.analog.conversion import Adc, Range
from hwsim.hardware.analog.device import Device, DeviceModel
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.wires import Circuit
from hwsim.tensor.analog.product import multiply

SIZE, BATCH, FEW = 512, 256, 64


def report() -> None:
    """Vectors a CPU-second of a tile of 512×512 with 8 bits in and out, and their ratio to numpy."""
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(SIZE, SIZE)), rng.uniform(-1, 1, (BATCH, SIZE))
    single, vectors = weight.astype(np.float32), x.astype(np.float32)
    adc = Adc(bits=8, range=Range.LIMITS, limits=((-5.0, 5.0),))
    noise = DeviceModel(white=0.05)

    def on(device: Device) -> Callable[[], object]:
        matrix = program(AnalogTile(adc=adc, device=device), weight)
        return lambda: multiply(matrix, x)

    times = seconds(
        {
            "numpy float32": lambda: np.rint(np.clip(vectors @ single, -60, 60) * np.float32(2)),
            "cells of any conductance": on(Device()),
            "cells of 128 levels": on(Device(levels=128)),
            "the same, noise an output": on(Device(levels=128, custom=noise)),
            "any conductance, noise an output": on(Device(custom=noise)),
        }
    )
    print(f"\nanalog tile of {SIZE}×{SIZE}, batch {BATCH}, one thread; vectors a CPU-second and ratio to numpy float32")
    plain = times["numpy float32"]
    for name, taken in times.items():
        print(f"{name:>34}{BATCH / taken:12,.0f}{plain / taken:7.2f}")
    noisy = program(AnalogTile(adc=adc, device=Device(custom=noise)), weight)
    print(f"{'noise a cell':>34}{_rate(lambda: multiply(noisy, x[:FEW], noise_per_cell=True)):12,.0f}")
    for ohms in ("0.02", "1"):
        wires = Circuit(row=Fraction(ohms), col=Fraction(ohms), tolerance=1e-4)
        tile = AnalogTile(adc=adc, device=Device(g_max=Fraction(1, 10_000)), wires=wires)
        matrix = program(tile, weight)
        rate = _rate(partial(multiply, matrix, x[:FEW]))
        print(f"{f'wires of {ohms} Ohm, within 1e-4':>34}{rate:12,.0f}")


def _rate(function: Callable[[], object]) -> float:
    """Vectors a CPU-second, the first call apart: it compiles, and eliminates wires."""
    function()
    start = time.process_time()
    function()
    return FEW / (time.process_time() - start)
