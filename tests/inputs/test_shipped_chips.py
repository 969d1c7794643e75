"""The shipped digital chips: what they share, what they reach, and which shipped workloads they run."""

from dataclasses import replace

import pytest

from data import ROOT
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, at_point
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import Precision
from hwsim.study.simulate import simulate
from strategies.chips import systolic

ANALOG = {"analog_pcm", "hermes"}
DIGITAL = [name for name in names(Kind.ARCH) if name not in ANALOG]
SIBLINGS = ("int8_array", "fp16_array")


def formats_that_lack(chip: Chip, work: Workload) -> set[tuple[Precision, Precision]]:
    """The formats of activations and weights of products that the chip's array does not multiply."""
    program = work.program
    ops = [placed.op for placed in program.placed()]
    products = [op for op in ops if isinstance(op, Gemm) or (isinstance(op, Conv) and op.groups == 1)]
    assert products
    pairs = {(program.tensor(op.act.tensor).precision, program.tensor(op.weight.tensor).precision) for op in products}
    return {pair for pair in pairs if chip.array.mode(*pair) is None}


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
@pytest.mark.parametrize("on", DIGITAL)
def test_a_shipped_chip_runs_what_its_array_multiplies_and_refuses_all_else(on: str, name: str) -> None:
    chip, work = load_chip(on), load_workload(name)
    lacking = formats_that_lack(chip, work)
    if lacking:
        with pytest.raises(Unsupported, match="the array multiplies no") as caught:
            simulate(chip, work)
        assert any(f"{act.value} by {weight.value}" in str(caught.value) for act, weight in lacking)
        assert Precision.FP16 in chip.array.modes
        work = load_workload(name, "fp16")
    result = simulate(chip, work)
    assert 0 < result.summary.utilization <= 1
    assert result.summary.energy_mj > 0


def test_chips_without_a_format_are_those_that_say_so() -> None:
    """The others multiply integers of 8 bits, and so all shipped policies."""
    refusing = {on for on in DIGITAL if load_chip(on).array.mode(Precision.INT8, Precision.INT8) is None}
    assert refusing == {"fp16_array", "rapid", "spyre"}


def test_the_page_on_formats_has_each_shipped_chip() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    table = page[page.index("| chip | what it is |") : page.index("## Workloads")]
    assert {name for name in names(Kind.ARCH) if f"`{name}`" in table} == set(names(Kind.ARCH))


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings_of_the_int4_array_differ_in_their_products_alone(name: str) -> None:
    own, other = load_chip("int4_array"), load_chip(name)
    alike = replace(systolic(other), macs_per_pe=systolic(own).macs_per_pe)
    assert replace(other, name=own.name, about=own.about, sources=own.sources, array=alike) == own
    assert set(systolic(other).macs_per_pe) < set(systolic(own).macs_per_pe)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIBLINGS)
def test_fp16_takes_the_same_cycles_on_all_siblings(name: str) -> None:
    work = load_workload("tdnnf_7q", "fp16")
    assert simulate(load_chip(name), work).summary.cycles == simulate(load_chip("int4_array"), work).summary.cycles


@pytest.mark.parametrize(
    ("name", "point", "mode", "tops"),
    [
        ("tpu_v1", None, Precision.INT8, 92),
        ("rapid", "fast", Precision.INT4, 102.4),
        ("edge_npu", None, Precision.INT8, 0.512),
        ("spyre", None, Precision.FP16, 72.1),
    ],
)
def test_peaks_are_the_published_ones(name: str, point: str | None, mode: Precision, tops: float) -> None:
    chip = at_point(load_chip(name), point)
    assert 2 * chip.clock * chip.macs_per_cycle(mode) / 10**12 == pytest.approx(tops, rel=0.005)


def test_sixteen_bits_hold_every_sum_of_a_chunk_on_rapid() -> None:
    array = systolic(load_chip("rapid"))
    for mode in (Precision.INT4, Precision.INT2):
        accumulator = array.accumulator_of(mode)
        assert accumulator.chunk is not None
        assert accumulator.chunk * mode.lowest**2 <= accumulator.register.highest
