"""How many cycles of an array Verilator simulates in a second."""

from dataclasses import dataclass, replace
from pathlib import Path

from hwsim.arrays.systolic.elements import Dataflow
from rtl.case import Case
from rtl.simulators import Simulator
from rtl.workbench import Workbench, build_for


@dataclass(frozen=True, slots=True)
class Speed:
    """One simulation of a long stream, on one thread: its cycles, its useful products, and what it took.

    `seconds` is CPU time from the first clock edge to the last, without reading the operands.
    """

    cycles: int
    products: int
    seconds: float

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / self.seconds

    @property
    def products_per_second(self) -> float:
        return self.products / self.seconds


def streaming(dataflow: Dataflow, side: int, stream: int) -> Case:
    """A product that keeps all of a side × side array busy: four by four tiles, each with a stream of that length."""
    spread = 4 * side
    if dataflow is Dataflow.OS:
        return Case(rows=side, cols=side, dataflow=dataflow, m=spread, k=stream, n=spread)
    return Case(rows=side, cols=side, dataflow=dataflow, m=stream, k=spread, n=spread)


def measure(folder: Path, dataflow: Dataflow, side: int, stream: int = 4096) -> Speed:
    """Builds the array with one int8 product a cycle, optimised for speed, and runs the stream."""
    case = streaming(dataflow, side, stream)
    build = replace(build_for(case), max_pk=1, max_qn=1, fast=True)
    result = Workbench(folder, Simulator.VERILATOR).simulate(case, build)
    return Speed(result.out_cycles, case.m * case.k * case.n, float(result.printed.split()[-1]))
