"""The public names do what the documentation shows."""

from dataclasses import replace
from importlib.metadata import version
from io import StringIO
from typing import Any

import pandas as pd
import pytest

import hwsim
from hwsim.errors import InvalidValue
from hwsim.models.catalogue import at_length
from hwsim.report.export import run_files, to_csv
from hwsim.report.plots import waterfall
from hwsim.results.result import Result


@pytest.mark.slow
def test_public_names_run_from_chip_to_frame() -> None:
    chip = hwsim.load_chip("int4_array")
    work = hwsim.load_workload("rnnt", precision="w4a4")
    result = hwsim.simulate(chip, work)
    frame = hwsim.to_frame(result)
    assert len(frame) == len(result.ops)
    assert frame["cycles"].sum() == result.summary.cycles
    assert frame["busy_cycles.load"].sum() == result.counters.busy.load
    rows = hwsim.to_frame(hwsim.compare(chip, work, precisions=("fp16", "w4a4")))
    assert list(rows["precision"]) == ["fp16", "w4a4"]


@pytest.mark.parametrize("value", [3, None, "result.json"])
def test_what_has_no_rows_is_no_frame(value: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^result = .*: must be a Result"):
        hwsim.to_frame(value)


TWENTY_SECONDS = 20 * 10**12


@pytest.fixture(scope="module")
def long_run() -> Result:
    work = at_length(hwsim.load_workload("rnnt", precision="fp16"), TWENTY_SECONDS)
    return hwsim.simulate(hwsim.load_chip("int4_array"), work)


@pytest.mark.slow
def test_energies_above_64_bits_sum_exactly(long_run: Result) -> None:
    frame, total = hwsim.to_frame(long_run), long_run.summary.energy_aj
    assert total > 2**63
    assert frame["energy_aj"].sum() == total
    assert all(type(value) is int for value in frame["energy_aj"])
    for name, spent in hwsim.to_frame(long_run).filter(like="energy_by_component_aj.").sum().items():
        assert spent == getattr(long_run.energy_by_component_aj, str(name).partition(".")[2])
    assert frame["energy_mj"].sum() == pytest.approx(long_run.summary.energy_mj)
    assert frame["energy_by_component_mj.dram"].dtype == float
    assert frame["cycles"].dtype == "int64"


@pytest.mark.slow
def test_rows_of_a_comparison_sum_exactly() -> None:
    work = at_length(hwsim.load_workload("rnnt"), TWENTY_SECONDS)
    comparison = hwsim.compare(hwsim.load_chip("int4_array"), work, ["fp16", "w8a8"])
    frame = hwsim.to_frame(comparison)
    assert frame["energy_aj"].sum() == sum(row.energy_aj for row in comparison.rows) > 2**63
    difference = frame["energy_aj"] - frame["energy_aj"].shift(-1, fill_value=0)
    assert difference[0] == comparison.rows[0].energy_aj - comparison.rows[1].energy_aj > 0
    read = pd.read_csv(StringIO(to_csv(waterfall.rows(comparison))))
    assert read["energy_before_mj"].dtype == float


@pytest.mark.slow
def test_tables_in_files_have_energies_that_any_program_can_add(long_run: Result) -> None:
    read = pd.read_csv(StringIO(run_files(long_run)["ops.csv"]))
    assert read["energy_mj"].sum() == pytest.approx(long_run.summary.energy_mj)
    assert sum(int(value) for value in read["energy_aj"]) == long_run.summary.energy_aj
    assert read["energy_by_component_mj.dram"].sum() > 0


@pytest.mark.slow
def test_other_integers_are_wide_only_where_their_sum_needs_it(long_run: Result) -> None:
    rows = [replace(long_run.ops[0], macs=2**62), replace(long_run.ops[1], macs=2**62)]
    frame = hwsim.to_frame(replace(long_run, ops=tuple(rows)))
    assert frame["macs"].sum() == 2**63
    assert frame["times"].dtype == "int64"


def test_public_names_are_those_that_exist() -> None:
    for name in hwsim.__all__:
        assert callable(getattr(hwsim, name))
    assert dir(hwsim) == sorted(["__version__", *hwsim.__all__])
    assert hwsim.__version__ == version("hwsim")
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        hwsim.simulat  # noqa: B018
