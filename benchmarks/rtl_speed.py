"""The register-level engine against the simulation of the same array at register-transfer level."""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.engine.registers import run_registers
from rtl.case import MODE
from rtl.simulators import Simulator, missing
from rtl.speed import measure, streaming

STREAM = 4096


def report(side: int) -> None:
    """Cycles per CPU second of both."""
    problem = missing(Simulator.VERILATOR)
    if problem:
        print(f"\nregister-level engine against RTL: {problem}")
        return
    print(f"\nregister-level engine against RTL in Verilator, streams of {STREAM}; kilocycles per CPU second")
    print(f"{'array':>10}{'RTL':>9}{'engine':>9}{'ratio':>8}{'G PE updates/s':>16}")
    for dataflow in (Dataflow.WS, Dataflow.OS):
        with tempfile.TemporaryDirectory() as folder:
            rtl = measure(Path(folder), dataflow, side, STREAM)
        cycles, seconds = _engine(dataflow, side)
        if cycles != rtl.cycles:
            raise AssertionError(f"{cycles} cycles in the engine, {rtl.cycles} in RTL")
        ours, theirs = cycles / seconds, rtl.cycles_per_second
        print(
            f"{f'{dataflow.value} {side}×{side}':>10}{theirs / 1e3:9.0f}{ours / 1e3:9.0f}{ours / theirs:7.1f}×"
            f"{ours * side * side / 1e9:16.2f}"
        )


def _engine(dataflow: Dataflow, side: int) -> tuple[int, float]:
    case = streaming(dataflow, side, STREAM)
    act, weight = (np.array(operand, np.int8) for operand in case.operands())
    taken, cycles = [], 0
    for _ in range(6):  # the first one compiles
        start = time.process_time()
        cycles = run_registers(case.array, MODE, act, weight, case.m).cycles.out
        taken.append(time.process_time() - start)
    return cycles, median(taken[1:])
