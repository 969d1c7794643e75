"""Small sweeps for tests: a product or two on arrays of some sizes."""

from typing import Any

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.inputs.sweeps import OpenedSweep, sweep_of
from hwsim.ir.workload import Workload
from hwsim.results.sweep_file import SweepAxis, SweepFile

PRODUCTS: dict[str, Any] = {
    "name": "products",
    "kind": "gemms",
    "precision": "w8a8",
    "products": [{"name": "first", "m": 40, "k": 96, "n": 70}, {"name": "second", "m": 40, "k": 70, "n": 33}],
}
LSTM: dict[str, Any] = {
    "name": "small",
    "kind": "lstm_lm",
    "audio": "1 s",
    "batch": 2,
    "precision": "w4a4",
    "symbols_per_second": 4,
    "model": {"embedding": 40, "cells": 200, "layers": 1},
    "outputs": 30,
}
AXES = (
    SweepAxis(fields=("array.rows", "array.cols"), values=(8, 16, 24)),
    SweepAxis(fields="scratchpad.size", values=("32 KiB", "64 KiB")),
    SweepAxis(fields="precision", values=("w8a8", "w4a4")),
)


def chip() -> Chip:
    return load_chip("int4_array")


def products() -> Workload:
    return load_workload(PRODUCTS)


def small_sweep(work: Workload | None = None, *, axes: tuple[SweepAxis, ...] = AXES, **asked: Any) -> OpenedSweep:
    """A sweep of twelve points, unless other axes are asked for."""
    file = SweepFile(chips=("int4_array",), workloads=("small",), axes=axes, **asked)
    return sweep_of(file, [chip()], [products() if work is None else work])
