"""A kind of array is one file: with a row more in the table, all of hwsim runs it."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import hwsim
from command import printed
from data import ARCH, ROOT
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.hardware.array import ARRAYS, ComputeArray
from hwsim.hardware.chip import Chip
from hwsim.inputs.files import Kind
from hwsim.inputs.load import load_prices
from hwsim.inputs.schema import schema
from hwsim.price.book import PriceBook
from hwsim.price.price import core_area
from hwsim.quantities.precision import Precision
from hwsim.results.figures import peaks
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values
from strategies.chips import chip, systolic

SERIAL = '''
"""Lanes that multiply without multipliers, a bit of the weight in each cycle; each lane makes a column."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from hwsim.hardware.array import ArrayArea, ComputeArray, Feed, FullTile, GemmCycles
from hwsim.schedule.counters import Work
from hwsim.quantities.noun import Whole
from hwsim.quantities.precision import Precision
from hwsim.hardware.summation import Register, Summation
from hwsim.hardware.array import StepCosts, Takes, TileShape, TilingConstraints


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialArray(ComputeArray):
    kind: Literal["serial"] = "serial"
    lanes: Annotated[int, Whole(low=1, high=4096)]

    described = property(lambda self: (f"{self.lanes} lanes", "a bit a cycle"))
    modes = property(lambda self: (Precision.INT4, Precision.INT8))

    def macs_per_cycle(self, mode):
        return Fraction(self.lanes, mode.bits)

    def summation(self, mode):
        return Summation(register=Register(bits=24))

    def constraints(self, mode):
        return TilingConstraints(unit=TileShape(1, self.lanes, 1), outputs_stay=True)

    def step_costs(self, mode):
        """A tile is one row by all lanes; its stream is K, at as many cycles a product as the mode has bits."""
        return StepCosts(
            pace=mode.bits, drained=1, acts=Takes.ACROSS, weights=Takes.DEEP, stream_bits=self.lanes * 24
        )

    def alone(self, mode, whole, batch, outer):
        return batch * whole.outer * -(-whole.inner // self.lanes) * whole.k * mode.bits + 1

    def gemm_cycles(self, mode, m, k, n):
        rounds = m * -(-n // self.lanes)
        return GemmCycles(mac=rounds * k * mode.bits, out=rounds * k * mode.bits + 1, tiles=rounds)

    def feed(self, mode, act_bits, weight_bits):
        return Feed(Fraction(act_bits + self.lanes * weight_bits, 8 * mode.bits), Fraction(1))

    def full_tile(self, mode):
        work = Work(macs=self.lanes, array_register_bits=self.lanes * 24)
        return FullTile(cycles=mode.bits, operand_bytes=-(-mode.bits * (1 + self.lanes) // 8), work=work)

    def mac_price(self, prices, mode, *, gated=False):
        name = f"serial {mode.value}" + ", a factor 0" * gated
        return prices.additions(name, 24 if gated else mode.bits * 24)

    def partial_sum_price(self, prices, mode):
        return prices.partial_sum(mode, 24, None)

    def area(self, areas):
        return ArrayArea(array=self.lanes * (areas.adder(24) + areas.registers(24)), accumulators=Fraction(0))
'''

GEMMS = {
    "kind": "gemms",
    "name": "two",
    "audio": "1 s",
    "precision": "w8a8",
    "products": [{"name": "one", "m": 5, "k": 7, "n": 6}, {"name": "other", "m": 1, "k": 9, "n": 4, "times": 3}],
}


def documented(**array: Any) -> dict[str, Any]:
    """The shipped chip with another array."""
    document: dict[str, Any] = yaml.safe_load(ARCH.read_text())
    del document["sources"]
    return {**document, "name": "toy", "array": array}


def tiny_rnnt() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "workloads" / "mlperf_rnnt.yaml").read_text())
    return {**document, "audio": "300 ms"}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    """A chip from a file that names a kind of array which another package brings."""
    package = tmp_path / "serial_arrays"
    package.mkdir()
    (package / "__init__.py").write_text(SERIAL)
    monkeypatch.syspath_prepend(tmp_path)
    kind: type[ComputeArray] = importlib.import_module("serial_arrays").SerialArray
    with ARRAYS.having(kind):
        yield hwsim.load_chip(documented(kind="serial", lanes=4))
    del sys.modules["serial_arrays"]


def test_products_take_what_their_kind_says(toy: Chip) -> None:
    work = hwsim.load_workload(GEMMS)
    result = hwsim.simulate(toy, work, explained="one")
    one, other = (next(op for op in result.ops if op.name == name) for name in ("one", "other"))
    assert one.busy_cycles.array == 5 * 2 * 7 * 8  # rows, rounds of four columns, K, bits
    assert other.busy_cycles.array == 3 * 9 * 8
    assert one.utilization <= one.reachable_utilization <= 1
    assert one.mode is Precision.INT8
    assert result.explanation is not None
    assert result.explanation.array_cycles == 5 * 2 * 7 * 8 + 1
    book = PriceBook(toy, load_prices("generic_7nm"))
    addition = book.need("add", Precision.INT32).energy
    assert result.energy_by_component_aj.mac == (5 * 7 * 6 + 3 * 9 * 4) * round(addition * 8 * 24 / 32)
    assert {line.action for line in result.energy_lines} >= {"serial int8"}
    assert result.area.array_mm2 == pytest.approx(float(core_area(book).array) / 1e6)
    assert [peak.macs_per_cycle for peak in peaks(toy)] == [1, 0.5]


@pytest.mark.parametrize("precision", ["w4a4", "w8a8"])
def test_a_recogniser_runs_and_is_reported(
    toy: Chip, precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch, network, out = tmp_path / "toy.yaml", tmp_path / "tiny.yaml", tmp_path / "run.json"
    arch.write_text(yaml.safe_dump(documented(kind="serial", lanes=4)))
    network.write_text(yaml.safe_dump(tiny_rnnt()))
    result = hwsim.simulate(toy, hwsim.load_workload(tiny_rnnt(), precision=precision))
    assert result.summary.macs > 0 < result.summary.energy_aj
    assert result.summary.cycles >= result.summary.macs * Precision(f"int{precision[1]}").bits // 4
    said, _ = printed(capsys, "run", str(arch), str(network), "--precision", precision, "--json", str(out))
    assert "toy" in said
    found = json.loads(out.read_text())
    assert found["summary"]["cycles"] == result.summary.cycles
    assert found["area"]["array_mm2"] == result.area.array_mm2
    assert "4 lanes, a bit a cycle; products a cycle: 1 in int4, 0.5 in int8" in toy._repr_html_()
    assert "toy makes at most " in printed(capsys, "check", str(arch))[0]
    assert repr(toy).startswith("<Chip toy: 4 lanes a bit a cycle, ")
    comparison = hwsim.compare(toy, hwsim.load_workload(GEMMS), ["w8a8", "w4a4"])
    assert comparison.rows[0].cycles > comparison.rows[1].cycles


def test_values_are_added_as_the_kind_says(toy: Chip) -> None:
    rng = np.random.default_rng(0)
    act, weight = rng.integers(-128, 128, (3, 9)), rng.integers(-128, 128, (9, 5))
    product = hwsim.gemm(toy, act, weight, act_precision="int8", weight_precision="int8")
    assert product.out.tolist() == (act @ weight).tolist()
    assert (product.mac_cycles, product.tiles, product.utilization) == (3 * 2 * 9 * 8, 6, 135 * 2 / 433)
    large = np.full((1, 600), -128)
    clamped = hwsim.gemm(toy, large, large.T, act_precision="int8", weight_precision="int8")
    assert (clamped.out.item(), clamped.saturations) == (2**23 - 1, 600 - (2**23 - 1) // 2**14)
    with pytest.raises(
        Unsupported,
        match="kind serial has no register-level engine, these have: systolic, temporal, bit_serial; use the",
    ):
        hwsim.gemm(toy, act, weight, act_precision="int8", weight_precision="int8", engine="cycle")
    sources = Sources()
    exact = run_values(prepared(hwsim.load_workload(GEMMS), sources), sources)
    on_chip = run_values(prepared(hwsim.load_workload(GEMMS), sources), sources, chip=toy)
    assert (exact.accumulators, on_chip.accumulators) == ("exact", "toy")
    assert exact.ops == on_chip.ops  # 24 bits hold such small sums


def test_files_name_the_kinds_that_there_are(toy: Chip) -> None:
    with pytest.raises(
        FileProblem,
        match=r"array\.kind = 'seriel': did you mean serial\? known: systolic, temporal, bit_serial, serial",
    ):
        hwsim.load_chip(documented(kind="seriel", lanes=4))
    with pytest.raises(FileProblem, match=r"array\.lane: unknown field; did you mean lanes\? known: kind, lanes"):
        hwsim.load_chip(documented(kind="serial", lane=4))
    with pytest.raises(FileProblem, match=r"array\.lanes = 0: must be at least 1"):
        hwsim.load_chip(documented(kind="serial", lanes=0))
    assert '"SerialArray"' in json.dumps(schema(Kind.ARCH))
    wide = toy.with_(**{"array.lanes": 8})
    assert wide.array.macs_per_cycle(Precision.INT4) == 2
    with pytest.raises(FileProblem, match=r"sources = 'array\.rows': names no field"):
        hwsim.load_chip({**documented(kind="serial", lanes=4), "sources": {"array.rows": "a data sheet"}})
    assert ("array.lanes", "caller: with_ array.lanes = 8") in wide.sources


def test_a_kind_is_gone_with_its_row() -> None:
    assert [kind.__name__ for kind in ARRAYS.members] == ["SystolicArray", "TemporalArray", "BitSerialArray"]
    with pytest.raises(
        FileProblem, match=r"array\.kind = 'serial': (did you mean \w+\? )?known: systolic, temporal, bit_serial"
    ):
        hwsim.load_chip(documented(kind="serial", lanes=4))
    assert '"SerialArray"' not in json.dumps(schema(Kind.ARCH))


def test_no_two_kinds_have_one_name() -> None:
    with pytest.raises(InvalidValue, match="kind = 'systolic': is the kind of another array, SystolicArray"):
        ARRAYS.register(type(systolic(chip())))


def test_a_file_that_names_no_kind_means_a_systolic_array() -> None:
    named = documented(kind="systolic", rows=2, cols=3, macs_per_pe={"int8": 1})
    unnamed = documented(rows=2, cols=3, macs_per_pe={"int8": 1})
    assert hwsim.load_chip(named) == hwsim.load_chip(unnamed)
