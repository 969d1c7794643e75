"""The command `tests/rtl/run`: runs arrays live, and exits with 1 if one does not do what the definitions say."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hwsim.arrays.systolic.elements import Dataflow
from rtl.compare import difference
from rtl.grid import full_grid, mixed_lengths, small_grid
from rtl.mutants import MUTANTS
from rtl.simulators import Simulator, missing
from rtl.speed import measure
from rtl.workbench import Workbench
from witnesses.rtl_vectors import record


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/rtl/run", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--grid", choices=("small", "full"), help="run cases that cover all options")
    task.add_argument("--mutate", action="store_true", help="run arrays with one fault each: all must be caught")
    task.add_argument(
        "--speed", type=int, metavar="SIDE", help="cycles per second of arrays of SIDE × SIDE in Verilator"
    )
    parser.add_argument("--simulator", type=Simulator, choices=list(Simulator), default=Simulator.ICARUS)
    parser.add_argument("--record", type=Path, metavar="FILE", help="with --grid: write the outcome, if all agree")
    asked = parser.parse_args()
    simulator = Simulator.VERILATOR if asked.speed else asked.simulator
    problem = missing(simulator)
    if problem:
        parser.error(problem)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if asked.mutate:
            return _mutate(folder)
        if asked.speed:
            return _speed(folder, asked.speed)
        return _grid(folder, asked.grid == "full", simulator, asked.record)


def _grid(folder: Path, full: bool, simulator: Simulator, to: Path | None) -> int:
    cases = full_grid() if full else small_grid() + mixed_lengths()
    started = time.monotonic()
    results = Workbench(folder, simulator).simulate_all(cases)
    found = [one for case, result in zip(cases, results, strict=True) if (one := difference(case, result))]
    for one in found:
        print(one.message)
    cycles = sum(result.out_cycles for result in results)
    taken = time.monotonic() - started
    print(f"{len(cases)} cases, {cycles:,} cycles, {len(found)} differences; {simulator.value}, {taken:.0f} s")
    if to is not None and not found:
        record(to, cases, results)
    return bool(found)


def _mutate(folder: Path) -> int:
    survivors = 0
    for number, mutant in enumerate(MUTANTS):
        home = folder / str(number)
        home.mkdir()
        found = mutant.differences(home)
        values, cycles = sum(one.values for one in found), sum(one.cycles for one in found)
        survivors += not found
        verdict = "caught" if found else "MISSED"
        print(f"{verdict}  {mutant.name:58}{len(mutant.cases()):3} cases: {values:2} by values, {cycles:2} by cycles")
    print(f"{len(MUTANTS)} mutants, {survivors} missed")
    return bool(survivors)


def _speed(folder: Path, side: int) -> int:
    for dataflow in (Dataflow.WS, Dataflow.OS):
        speed = measure(folder, dataflow, side)
        rates = f"{speed.cycles_per_second / 1e3:.0f} kcycle/s, {speed.products_per_second / 1e6:.0f} M products/s"
        print(f"{dataflow.value} {side} × {side}: {rates} ({speed.cycles:,} cycles in {speed.seconds:.3f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
