"""Runs cases on the RTL arrays: builds a simulation for their sizes, hands over operands, reads results."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.hardware.summation import Overflow
from rtl.case import Case, Matrix
from rtl.simulators import SOURCES, Build, Simulator, build_icarus, build_verilator, run_tool

_DRAINS = (Drain.SERIAL, Drain.SHARED, Drain.SEPARATE)


@dataclass(frozen=True, slots=True)
class RtlResult:
    """What the array made of a case, and what the simulator printed.

    `mac_cycles` counts up to the last product in PE(R-1, C-1), `out_cycles` up to the last result; `writes` is how many
    results left the array, which should be one for each place.
    """

    out: npt.NDArray[np.int64]
    mac_cycles: int
    out_cycles: int
    writes: int
    printed: str


class Workbench:
    """A folder of built simulations; each is built once, when a case first needs it.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = Workbench(Path(folder), Simulator.ICARUS).simulate(case)
    """

    def __init__(self, folder: Path, simulator: Simulator, sources: Path = SOURCES) -> None:
        self._folder = folder
        self._simulator = simulator
        self._sources = sources
        self._commands: dict[Build, list[str | Path]] = {}

    def simulate(self, case: Case, build: Build | None = None) -> RtlResult:
        """Runs one case, on the usual build for its sizes if none is given."""
        command = self._command(build or build_for(case))
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            asked, answered = Path(scratch) / "case", Path(scratch) / "result"
            asked.write_text(_case_file(case))
            printed = run_tool([*command, f"+case={asked}", f"+result={answered}"])
            return _result(case, answered.read_text(), printed)

    def simulate_all(self, cases: Sequence[Case]) -> list[RtlResult]:
        """Runs many cases, as many at a time as there are processors."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._command, dict.fromkeys(map(build_for, cases))))
            return list(pool.map(self.simulate, cases))

    def _command(self, build: Build) -> list[str | Path]:
        if build not in self._commands:
            folder = self._folder / build.name
            folder.mkdir()
            make = build_icarus if self._simulator is Simulator.ICARUS else build_verilator
            self._commands[build] = make(build, self._sources, folder)
        return self._commands[build]


def build_for(case: Case) -> Build:
    """The build that runs a case: usual sizes, which many cases share, or larger ones where it asks for more."""
    streamed = case.n if case.dataflow is Dataflow.IS else case.m
    return Build(
        rows=case.rows,
        cols=case.cols,
        output_stationary=case.dataflow is Dataflow.OS,
        max_pk=max(case.packed_k, 2),
        max_qn=max(case.packed_n, 2),
        words=max(case.m * case.k, case.k * case.n, case.m * case.n, 8192),
        entries=max(streamed, 128),
    )


def _case_file(case: Case) -> str:
    """What bench.sv reads: settings, tile lengths, both operands."""
    act, weight = case.operands()
    m, n = case.m, case.n
    if case.dataflow is Dataflow.IS:  # the transposed product on the weight-stationary array
        act, weight, m, n = _transposed(weight), _transposed(act), n, m
    settings = [
        case.shadow_weights,
        case.weight_load is WeightLoad.WAVEFRONT,
        _DRAINS.index(case.drain),
        case.bits,
        case.overflow is Overflow.SATURATE,
        case.chunk is not None,
        case.outer_bits,
        case.outer_overflow is Overflow.SATURATE,
        (case.chunk or 0) // case.tile_k,
        m,
        n,
        case.k,
        min(case.m_chunk or m, m),
        case.packed_k,
        case.packed_n,
        len(case.lengths),
    ]
    return "\n".join(_line(numbers) for numbers in (settings, case.lengths, *act, *weight))


def _result(case: Case, text: str, printed: str) -> RtlResult:
    numbers = text.split()
    mac, out, writes = map(int, numbers[:3])
    known = [int(number) if number.lstrip("-").isdigit() else _UNKNOWN for number in numbers[3:]]
    shape = (case.n, case.m) if case.dataflow is Dataflow.IS else (case.m, case.n)
    product = np.array(known, dtype=np.int64).reshape(shape)
    return RtlResult(product.T if case.dataflow is Dataflow.IS else product, mac, out, writes, printed)


_UNKNOWN = 2**40
"""Stands for a result with undefined bits (`x`); no register is that wide."""


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _line(numbers: Iterable[int]) -> str:
    return " ".join(str(int(number)) for number in numbers)
