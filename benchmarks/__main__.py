"""Runs benchmarks by name, or all of them, after saying on what."""

import argparse
import ctypes
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np

from benchmarks import (
    analog,
    compiling,
    exact,
    grid,
    models,
    pages,
    planner,
    plans,
    registers,
    rtl_speed,
    sweep,
    timeline,
    values,
)

BENCHMARKS: dict[str, Callable[[], None]] = {
    "analog": analog.report,
    "compiling": compiling.report,
    "exact": exact.report,
    "models": models.report,
    "pages": pages.report,
    "planner": planner.report,
    "plans": plans.report,
    "sweep": sweep.report,
    "grid": grid.report,
    "registers": registers.report,
    "timeline": timeline.report,
    "values": values.report,
    "rtl16": partial(rtl_speed.report, 16),
    "rtl32": partial(rtl_speed.report, 32),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Measures CPU time, one thread, medians in turn."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(BENCHMARKS)} (default: all)")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]}; known: {', '.join(BENCHMARKS)}")
    print(
        f"{llvmlite.binding.get_host_cpu_name()}, Python {platform.python_version()}, numpy {np.__version__} "
        f"(BLAS kernel {_blas()}), numba {numba.__version__}"
    )
    for name in names:
        BENCHMARKS[name]()


def _blas() -> str:
    """Which kernel numpy's own OpenBLAS has chosen."""
    for library in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        name = getattr(ctypes.CDLL(str(library)), "scipy_openblas_get_corename64_", None)
        if name is not None:
            name.restype = ctypes.c_char_p
            return str(name().decode())
    return "unknown"


main()
