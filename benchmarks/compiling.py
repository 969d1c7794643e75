"""Compiling: the CPU seconds that a process with an empty cache takes more than the same process after it."""

import os
import sys
from resource import RUSAGE_CHILDREN, getrusage
from subprocess import DEVNULL, run
from tempfile import TemporaryDirectory

RUN = ["-m", "hwsim", "run", "int4_array", "rnnt"]
"""The first command of whoever installed hwsim."""

PLANS = """
from itertools import product
from hwsim import load_chip, load_workload, simulate
from hwsim.errors import Unsupported
from hwsim.inputs.files import Kind, all_names

workloads = [load_workload(name) for name in all_names(Kind.WORKLOAD)]
for chip, workload in product(("int4_array", "rapid", "spyre", "tpu_v1", "gemmini", "carat", "bit_serial"), workloads):
    try:
        simulate(load_chip(chip), workload)
    except Unsupported:
        pass  # a chip without the workload's formats
"""
"""Plans of all shipped workloads on a shipped chip of each kind of digital array, and on all with several cores."""


def report() -> None:
    print(f"compiling: of hwsim run int4_array rnnt {_compiling(RUN):.1f} CPU-s")
    print(f"compiling: of plans of all shipped workloads on seven chips {_compiling(['-c', PLANS]):.1f} CPU-s")


def _compiling(command: list[str]) -> float:
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        first, later = (_cpu_of(command, environment) for _ in range(2))
    return first - later


def _cpu_of(command: list[str], environment: dict[str, str]) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    run([sys.executable, *command], check=True, stdout=DEVNULL, env=environment)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
