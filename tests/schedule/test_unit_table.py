"""Whatever is counted, named or limited by unit follows the table of units: a new unit is one row."""

import json
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import hwsim
from data import ROOT
from hwsim.errors import InvalidValue
from hwsim.kernels import timeline_code as c
from hwsim.quantities.plain_data import plain
from hwsim.schedule.counters import Counters, OpCounters, Stalls, Units, Work
from hwsim.schedule.unit_table import Bound, Limit, Relief, StallReason, Unit


def test_the_kernel_numbers_units_and_reasons_as_the_table_does() -> None:
    driven = {unit.name: unit.value for unit in Unit if unit < c.UNITS}
    numbered = {name.removesuffix("_UNIT"): getattr(c, name) for name in dir(c) if name.endswith("_UNIT")}
    assert {name: number for name, number in numbered.items() if name != "E"} == driven  # E_UNIT: a column of events
    for reason in StallReason:
        assert getattr(c, f"FOR_{reason.name}") == c.STALLS + c.UNITS * reason
    assert len(StallReason) == c.REASONS


def test_rows_differ_in_all_that_tells_them_apart() -> None:
    for told in (
        [unit.key for unit in Unit],
        [unit.spec.moves for unit in Unit],
        [unit.spec.colour for unit in Unit],
        [unit.spec.precedence for unit in Unit],
        [limit.label for limit in Limit],
        [relief.label for relief in Relief],
        [reason.key for reason in StallReason],
    ):
        assert len(set(told)) == len(told), told


def test_keys_of_files_are_those_of_the_table() -> None:
    units, reasons = [unit.key for unit in Unit], [reason.key for reason in StallReason]
    """What one core alone never does stands in files only where it is done."""
    alone = [unit.key for unit in Unit if not unit.spec.among_cores]
    assert list(plain(Units())) == alone == ["load", "array", "vector", "store"]
    assert list(plain(Units.of(dict.fromkeys(Unit, 1)))) == units == [*alone, "exchange"]
    assert {reason: list(each) for reason, each in plain(Stalls()).items()} == dict.fromkeys(reasons, alone)
    assert {bound.value for bound in Bound} == {*units, "latency"}
    assert len(Limit) == 2 * len(Unit) + 1


def test_every_limit_is_that_of_one_unit_or_of_none() -> None:
    for unit, ports in product(Unit, (False, True)):
        limit = Limit.of(unit, ports=ports)
        assert limit.unit is unit
        assert limit.relief is (unit.spec.ports if ports else unit.spec.own).relief
    assert (Limit.of(None), Limit.LATENCY.unit, Limit.LATENCY.relief) == (Limit.LATENCY, None, Relief.LATENCY)


def op(busy: Units, **port_bound: int) -> OpCounters:
    return OpCounters(
        name="a", kind="gemm", mode=None, times=1, macs=0, cycles=9, busy=busy, stalls=Stalls(), span=9, work=Work(),
        port_bound=Units(**port_bound),
    )  # fmt: skip


@pytest.mark.parametrize("unit", Unit)
def test_the_unit_that_is_busy_for_most_of_the_span_binds_an_op(unit: Unit) -> None:
    busy = Units.of({unit: 5})
    assert (op(busy).bound, op(busy).limit) == (Bound(unit.key), Limit.of(unit))
    assert op(busy, **{unit.key: 3}).limit is Limit.of(unit, ports=True)
    assert op(Units.of({unit: 4})).limit is Limit.LATENCY


def test_of_equally_busy_units_array_goes_before_load_vector_and_store() -> None:
    left = list(Unit)
    order = []
    while left:
        order.append(op(Units.of(dict.fromkeys(left, 5))).bound.value)
        left = [unit for unit in left if unit.key != order[-1]]
    assert order == ["array", "load", "vector", "store", "exchange"]


def test_every_unit_accounts_for_all_cycles() -> None:
    """Where they share a port, load and store together."""
    for unit in Unit:
        idle = Units.of({other: 7 for other in Unit if other is not unit})
        if unit.spec.among_cores:  # one core alone has none
            assert Counters(cycles=7, idle=idle).idle[unit] == 0
            idle = Units.of({other: 6 if other is unit else 7 for other in Unit})
        with pytest.raises(InvalidValue, match=rf"^{unit.key} = [06]: busy \+ stalled \+ idle must be 7 cycles"):
            Counters(cycles=7, idle=idle)
    shared = Units.of({unit: 7 for unit in Unit if unit.on_shared_port is unit})
    assert Counters(cycles=7, idle=shared, shared_port=True).idle.store == 0


def test_the_units_stand_in_the_documentation_as_in_the_table() -> None:
    page = (ROOT / "docs" / "report.md").read_text()
    for unit in Unit:
        spec = unit.spec
        row = f"| `{unit.key}` | {spec.moves} | {spec.own.label} | {spec.ports.label} | {spec.own.relief.label} |"
        assert row in page


ROW = """    CONVERTER = (
        5,
        UnitSpec(
            key="converter",
            moves="sums of columns into digits",
            own=Pace("converter", "the converters", Relief.ARRAY),
            ports=Pace("converter_ports", "the scratchpad's port to the converters", Relief.PORTS),
            precedence=5,
            colour="tab:purple",
        ),
    )

    spec: UnitSpec
"""
RUN = """
import json, sys
from strategies.chips import chip
from strategies.kinds import workload_of
from strategies.programs import gemm
from hwsim.schedule.unit_table import Limit
from hwsim.report.explanation import explanation_text
from hwsim.report.export import run_files, to_json
from hwsim.report.full import full_text
from hwsim.report.tables import Screen
from hwsim.study.simulate import simulate
import hwsim
result = simulate(chip(), workload_of(gemm(5, 6, 7)), explained="gemm")
screen = Screen(width=200)
json.dump({
    "from": hwsim.__file__, "result": json.loads(to_json(result)), "csv": run_files(result)["ops.csv"],
    "limits": {limit.value: limit.label for limit in Limit},
    "texts": [full_text(result, 10**9, screen), explanation_text(result, 10**9, screen)],
}, sys.stdout)
"""


def test_a_new_unit_is_one_row(tmp_path: Path) -> None:
    """In a copy of the package with one more row and no other edit, it is counted, limited and reported everywhere.

    The kernel drives it once a step says what it does there; until then the unit is idle.
    """
    package = Path(hwsim.__file__).parent
    shutil.copytree(package, tmp_path / "hwsim", ignore=shutil.ignore_patterns("__pycache__"))
    if not (package / "shipped").is_dir():
        for folder in ("arch", "workloads"):
            (tmp_path / folder).symlink_to(package.parent / folder)
    (table,) = (tmp_path / "hwsim").rglob("unit_table.py")
    before = table.read_text()
    assert before.count("    spec: UnitSpec\n") == 1
    table.write_text(before.replace("    spec: UnitSpec\n", ROW))
    folders = [tmp_path, *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "NUMBA_DISABLE_JIT": "1"}
    ran = subprocess.run([sys.executable, "-c", RUN], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert Path(found["from"]).is_relative_to(tmp_path)
    counters, (one,) = found["result"]["counters"], found["result"]["ops"]
    assert counters["idle"]["converter"] == counters["cycles"] > 0
    assert counters["busy"]["converter"] == 0 < counters["busy"]["array"]
    assert {reason: waited["converter"] for reason, waited in counters["stalls"].items()} == dict.fromkeys(
        ("load", "array", "tensor", "overwrite", "slot"), 0
    )
    assert list(one["busy_cycles"]) == list(one["port_bound_cycles"]) == list(counters["busy"])
    assert list(counters["busy"]) == ["load", "array", "vector", "store", "converter"]
    assert "busy_cycles.converter" in found["csv"].split("\n")[0].split(",")
    assert found["limits"]["converter_ports"] == "the scratchpad's port to the converters"
    for text in found["texts"]:
        assert [line for line in text.split("\n") if line.split()[:1] == ["converter"]], text
