"""What valid files, mappings, names and quantities mean."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ARCH, PRICES
from hwsim.arrays.systolic.elements import PackedMacs
from hwsim.errors import FileProblem, InvalidValue, UserError
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.check import check
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names, read_document, read_text
from hwsim.inputs.load import load_prices, load_workload
from hwsim.quantities.fields import BYTES, BYTES_PER_SECOND, HERTZ, JOULES, PICOSECONDS, Quantity
from hwsim.quantities.precision import Precision
from strategies.chips import systolic


def test_unknown_names_get_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"unknown chip 'int4_aray'; did you mean int4_array\?"):
        load_chip("int4_aray")
    with pytest.raises(UserError, match=r"none.yaml: there is no such file; shipped names: .*, rnnt, "):
        load_workload("none.yaml")


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rnnt").mkdir()
    assert load_workload("rnnt").name == "rnnt"
    (tmp_path / "int4_array").write_text(ARCH.read_text().replace("name: int4_array", "name: mine"))
    assert load_chip("int4_array").name == "mine"


@pytest.mark.parametrize("kind", Kind)
def test_everything_shipped_is_valid(kind: Kind) -> None:
    assert names(kind)
    for name in names(kind):
        assert check(str(kind.folder / f"{name}.yaml")).kind is kind
        assert check(str(kind.folder / f"{name}.yaml")).name == name


def test_a_minimal_chip_gets_stated_defaults(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text(
        "name: tiny\nclock: 1e9\narray: {kind: systolic, rows: 2, cols: 2, macs_per_pe: {int8: {k: 2, n: 3}}}\n"
        "vector: {lanes: 1, cycles: {add: 1}}\nscratchpad: {size: 1 KiB, read: 8 B/cycle, write: 8}\n"
        "dram: {read: 1 GB/s, write: 1 GB/s}\nenergy: generic_7nm\n"
    )
    chip = load_chip(path)
    assert chip.clock == 10**9
    assert systolic(chip).macs_per_pe == ((Precision.INT8, PackedMacs(k=2, n=3)),)
    assert chip.array.macs_per_cycle(Precision.INT8) == 24
    assert isinstance(chip.energy, PriceTable)
    assert chip.dram.latency == 0


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"array": found}
    return found


def holding_itself() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["array"] = found
    return found


def shared(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found] * 9
    return found


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (holding_itself(), "array = 'dict': is nested more than 40 deep"),
        (deep(5000), "array = 'dict': is nested more than 40 deep"),
        ({"name": shared(9)}, "name = 'list': stands for more than 20000 values"),
        ({"clock": 10**5000}, "clock = 'int': must have at most 40 digits"),
        ({"name": "\ud800"}, r"name = '\ud800': holds half a surrogate pair, which is no character"),
        ({"\ud800": 1}, r"mapping = '\ud800': holds half a surrogate pair, which is no character"),
        ({1: 2, "1": 2}, "mapping = '1': is given twice"),
    ],
    ids=["itself", "deep", "shared", "digits", "surrogate", "surrogate key", "twice"],
)
def test_mappings_that_no_file_could_be_are_refused(mapping: dict[str, Any], message: str) -> None:
    for load in (load_chip, load_workload, load_prices):
        with pytest.raises(InvalidValue) as caught:
            load(mapping)
        assert str(caught.value) == message


def test_a_mapping_obeys_the_same_laws_as_a_file() -> None:
    chip = load_chip("int4_array")
    mapping = {
        "name": "mapped",
        "clock": "1 GHz",
        "array": {"rows": 4, "cols": 4, "macs_per_pe": {"int8": 1}},
        "vector": {"lanes": 4, "cycles": {"add": 1}},
        "scratchpad": {"size": "1 MiB", "read": 16, "write": 16},
        "dram": {"read": "1 GB/s", "write": "1 GB/s"},
        "energy": "generic_7nm",
    }
    assert load_chip(mapping).clock == chip.clock
    with pytest.raises(FileProblem, match=r"mapping: array = 'x': must be a mapping"):
        load_chip({**mapping, "array": "x"})
    with pytest.raises(InvalidValue, match=r"clock = nan: must be a finite number"):
        load_chip({**mapping, "clock": float("nan")})
    assert load_chip(chip) is chip
    with pytest.raises(InvalidValue, match="chip = 'list': must be a path, a shipped name or a mapping"):
        load_chip([1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "written", "value"),
    [
        (HERTZ, "1.5 GHz", 1_500_000_000),
        (HERTZ, 1e9, 10**9),
        (BYTES, "2 MiB", 2 << 20),
        (BYTES, "2 MB", 2_000_000),
        (BYTES, "2MB", 2_000_000),
        (BYTES_PER_SECOND, "819.2 GB/s", 819_200_000_000),
        (PICOSECONDS, "0.1 us", 100_000),
        (PICOSECONDS, "0.1 µs", 100_000),
        (JOULES, "0.07 pJ", 70_000),
        (JOULES, "1.5 aJ", Fraction(3, 2)),
    ],
)
def test_quantities_are_read_exactly(unit: Quantity, written: object, value: Fraction) -> None:
    assert unit.parse(written) == value


@given(st.integers(1, 10**18))
def test_a_written_quantity_reads_back(value: int) -> None:
    for unit in (HERTZ, BYTES, PICOSECONDS):
        assert unit.parse(unit.written(value)) == value


@pytest.mark.parametrize(("unit", "written"), [(PICOSECONDS, 100), (PICOSECONDS, "5"), (JOULES, 0.5)])
def test_times_and_energies_need_a_unit_unless_they_are_zero(unit: Quantity, written: object) -> None:
    with pytest.raises(ValueError, match="must be a number with a unit"):
        unit.parse(written)
    assert unit.parse(0) == 0


def test_a_price_table_is_looked_for_beside_its_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    chip = tmp_path / "sub" / "chip.yaml"
    chip.write_text(ARCH.read_text().replace("energy: generic_7nm", "energy: own.yaml"))
    with pytest.raises(
        FileProblem, match=r"sub/chip.yaml:22: energy: .*own.yaml: there is no such file; shipped names"
    ):
        load_chip(chip)
    (tmp_path / "sub" / "own.yaml").write_text(PRICES.read_text().replace("name: generic_7nm", "name: own"))
    prices = load_chip(Path("sub/chip.yaml")).energy
    assert isinstance(prices, PriceTable)
    assert prices.name == "own"


def test_shipped_files_name_a_source_for_each_value() -> None:
    def given(document: object, prefix: str = "") -> set[str]:
        assert isinstance(document, dict)
        leaves: set[str] = set()
        for name, value in document.items():
            path = f"{prefix}{name}"
            leaves |= given(value, f"{path}.") if isinstance(value, dict) else {path}
        return leaves

    unsourced = {"name", "about", "kind", "precision", "decoding.kind"}
    unsourced |= {"array.kind", "decoder.kind", "decoder.decoding.kind"}
    for kind in (Kind.ARCH, Kind.WORKLOAD):
        for name in names(kind):
            document = read_document(read_text(kind.folder / f"{name}.yaml")).plain()
            sources = document.pop("sources")
            missing = {p for p in given(document) if not any(p == s or p.startswith(f"{s}.") for s in sources)}
            assert missing <= unsourced, name


def test_chips_are_hashable_values() -> None:
    assert hash(load_chip("int4_array")) == hash(load_chip(ARCH))
    assert isinstance(load_chip("int4_array"), Chip)
    assert load_prices("generic_7nm") == load_chip("int4_array").energy
