"""The peak that an array can reach: a bound for every product, and one that the shipped chip comes near."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import printed
from data import ARCH
from hwsim import load_chip, load_workload, simulate
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain
from hwsim.hardware.chip import Chip, Scratchpad
from hwsim.quantities.precision import Precision
from hwsim.results.figures import PeakLimit, peaks, reachable_peak
from hwsim.results.result import Result
from strategies.chips import MODES, arrays, chip


def product(on: Chip, precision: str, m: int, k: int, n: int) -> Result:
    sizes = {"name": "product", "m": m, "k": k, "n": n}
    work: Any = {"kind": "gemms", "name": "one", "audio": "1 s", "products": [sizes]}
    return simulate(on, load_workload(work, precision=precision))


def memory_out_of_the_way(on: Chip) -> Chip:
    """The same array, fed by a scratchpad that holds everything and a DRAM that takes no time."""
    return replace(
        on,
        dram=replace(on.dram, read=10**15, write=10**15, latency=0),
        scratchpad=replace(on.scratchpad, size=2**27, banks=256, write=4096),
        vector=replace(on.vector, lanes=2**16),
    )


@pytest.mark.slow
@given(
    array=arrays(),
    read=st.sampled_from((1, 2, 3, 16, 64)),
    precision=st.sampled_from(("fp16", "w4a16", "w8a8", "w4a8", "w4a4")),
    sizes=st.tuples(*[st.integers(1, 40)] * 3),
)
def test_no_product_is_made_faster_than_its_operands_pass_the_port(
    array: SystolicArray, read: int, precision: str, sizes: tuple[int, int, int]
) -> None:
    on = chip(array=array, scratchpad=Scratchpad(size=2**16, read=read, write=64))
    made = product(on, precision, *sizes)
    (op,) = (op for op in made.ops if op.macs)
    assert 0 < op.utilization <= op.reachable_utilization <= 1
    assert 0 < made.summary.utilization <= made.summary.reachable_utilization <= 1


def test_the_peak_of_each_dataflow_by_hand() -> None:
    """4 × 4 elements; INT4 makes 2 × 2 products in each: 64 a cycle. A row of activations is 8 numbers, 4 bytes."""
    array = SystolicArray(rows=4, cols=4, macs_per_pe=MODES)
    narrow = chip(array=array, scratchpad=Scratchpad(size=4096, read=2, write=16))
    assert reachable_peak(narrow, Precision.INT4, 4, 4).reachable_macs_per_cycle == 32  # 4 bytes at 2 a cycle
    assert reachable_peak(narrow, Precision.INT4, 4, 4).limit is PeakLimit.SCRATCHPAD_READ

    results_stay = replace(narrow, array=replace(array, dataflow=Dataflow.OS, drain=Drain.SERIAL))
    # In each cycle 2 of K for 4 rows and for 8 columns: 24 numbers, 12 bytes.
    assert reachable_peak(results_stay, Precision.INT4, 4, 4).reachable_macs_per_cycle == Fraction(64, 6)

    # 8 × 8 weights of 4 bits, 32 bytes, are loaded anew for each 8 rows: 4 more bytes a cycle.
    chunked = replace(narrow, array=replace(array, m_chunk=8))
    assert reachable_peak(chunked, Precision.INT4, 4, 4).operand_bytes_per_cycle == 8
    assert reachable_peak(chunked, Precision.INT4, 4, 4).reachable_macs_per_cycle == 16

    # Without a second register, 3 cycles of each 8 + 3 go with loading.
    exposed = chip(array=replace(array, m_chunk=8, shadow_weights=False))
    loading = reachable_peak(exposed, Precision.INT4, 4, 4)
    assert (loading.reachable_macs_per_cycle, loading.limit) == (64 / Fraction(11, 8), PeakLimit.WEIGHT_LOAD)


@pytest.mark.parametrize("precision", ["fp16", "w8a8", "w4a4"])
def test_the_shipped_chip_is_fed(precision: str) -> None:
    on = load_chip("int4_array")
    assert all(peak.limit is PeakLimit.ARRAY for peak in peaks(on))
    made = product(memory_out_of_the_way(on), precision, 2048, 2048, 2048)
    assert made.summary.utilization == made.summary.reachable_utilization > 0.99


def test_half_of_the_ports_say_that_half_of_the_peak_is_out_of_reach() -> None:
    shipped = load_chip("int4_array")
    narrow = memory_out_of_the_way(replace(shipped, scratchpad=replace(shipped.scratchpad, read=128)))
    made = product(narrow, "w4a4", 2048, 2048, 2048)
    assert made.efficiency.peak_tops is not None
    assert made.efficiency.reachable_tops == made.efficiency.peak_tops / 2
    assert made.efficiency.peak_limit is PeakLimit.SCRATCHPAD_READ
    assert made.summary.reachable_utilization == 2 * made.summary.utilization > 0.9


def test_check_says_which_peak_is_out_of_reach_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fed = "int4_array makes at most 8.19 TOPS in fp16; 65.5 TOPS in int4; 32.8 TOPS in int8"
    assert printed(capsys, "check", "int4_array")[0].splitlines()[1] == fed
    path = tmp_path / "narrow.yaml"
    path.write_text(ARCH.read_text().replace("read: 512 B/cycle", "read: 128 B/cycle"))
    why = "because the array takes 256 B a cycle, the scratchpad's read port gives 128"
    assert printed(capsys, "check", str(path))[0].splitlines()[1] == (
        "int4_array makes at most 8.19 TOPS in fp16; "
        f"32.8 of 65.5 TOPS in int4, {why}; 16.4 of 32.8 TOPS in int8, {why}"
    )
