"""Temporal and bit-serial arrays: registers, closed forms and a walk in plain Python agree, and chips run on them."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim
from command import printed
from hwsim.arrays.bit_serial import closed_form as serial_form
from hwsim.arrays.bit_serial.array import BitSerialArray
from hwsim.arrays.bit_serial.elements import Serial
from hwsim.arrays.temporal import closed_form as temporal_form
from hwsim.arrays.temporal.array import TemporalArray
from hwsim.arrays.temporal.elements import Products
from hwsim.engine.accounting import counters_of
from hwsim.engine.bit_serial_registers import run_bit_serial_registers
from hwsim.engine.temporal_registers import run_temporal_registers
from hwsim.errors import Unsupported
from hwsim.hardware.array import ComputeArray, GemmCycles
from hwsim.hardware.chip import Chip, Scratchpad
from hwsim.hardware.summation import Register
from hwsim.mapping.planner import schedule
from hwsim.price.book import PriceBook
from hwsim.price.price import BookPrices, core_area
from hwsim.quantities.precision import Precision
from hwsim.results.figures import PeakLimit, peaks, reachable_peak
from hwsim.results.result import Result
from hwsim.schedule.schedule import OpSchedule, Ports, Schedule
from hwsim.schedule.steps import Repeat, StepTree
from hwsim.timing.timeline import times
from strategies.chips import chip
from strategies.multiplier_free import (
    FLOATS,
    Case,
    bit_serial_arrays,
    bit_serial_cases,
    formats_of,
    fp8_numbers,
    temporal_arrays,
    temporal_cases,
)
from strategies.programs import gemm
from witnesses.multiplier_free_walk import Walk, Widths, bit_serial_walk, temporal_walk

INT4, INT8 = Precision.INT4, Precision.INT8


def totals(case: Case) -> list[list[int]]:
    """Every result by the definition of its order of additions."""
    total = case.array.summation(case.mode).total
    return [[total((row * column).tolist()) for column in case.weight.T] for row in case.act]


def walk_of(case: Case) -> Walk:
    array, act, weight = case.array, case.act.tolist(), case.weight.tolist()
    if isinstance(array, TemporalArray):
        pipelined = array.products is Products.PIPELINED
        return temporal_walk(array.rows, array.cols, case.mode.bits, array.accumulator.bits, pipelined, act, weight)
    lanes, bits = (array.lanes - 1).bit_length(), case.mode.bits
    parallel = 0 if array.parallel is None else array.parallel.bits
    widths = Widths(
        bits, parallel, inner=bits + 1 + lanes, dot=bits + (parallel or bits) + lanes, result=array.accumulator.bits
    )
    serial = array.serial is not Serial.ACTIVATIONS
    return bit_serial_walk(array.rows, array.cols, array.lanes, serial, widths, act, weight)


@pytest.mark.slow
@settings(max_examples=100)
@given(temporal_cases())
def test_a_temporal_array_is_its_definition_register_by_register(case: Case) -> None:
    run = run_temporal_registers(case.array, case.mode, case.act, case.weight)
    m, k, n = case.sizes
    assert run.out.tolist() == totals(case)
    assert run.cycles == case.array.gemm_cycles(case.mode, m, k, n)
    assert run.register_bits == run.cycles.tiles * temporal_form.tile_register_bits(case.array, case.mode, k)
    assert run.shared_adder_bits == run.cycles.tiles * k * temporal_form.window_adder_bits(case.array, case.mode)
    assert run.most_additions == 1  # a row has one adder


@pytest.mark.slow
@settings(max_examples=100)
@given(bit_serial_cases())
def test_a_bit_serial_array_is_its_definition_register_by_register(case: Case) -> None:
    run = run_bit_serial_registers(case.array, case.mode, case.act, case.weight)
    m, k, n = case.sizes
    steps = -(-k // case.array.lanes)
    assert run.out.tolist() == totals(case)
    assert run.cycles == case.array.gemm_cycles(case.mode, m, k, n)
    assert run.register_bits == run.cycles.tiles * serial_form.tile_register_bits(case.array, case.mode, steps)


@settings(max_examples=25)
@given(temporal_cases().filter(lambda case: case.mode is not INT8) | bit_serial_cases())
def test_a_walk_from_event_to_event_finds_the_same(case: Case) -> None:
    walk = walk_of(case)
    runs: dict[type, Callable[..., Any]] = {
        TemporalArray: run_temporal_registers,
        BitSerialArray: run_bit_serial_registers,
    }
    run = runs[type(case.array)](case.array, case.mode, case.act, case.weight)
    assert (walk.mac, walk.out) == (run.cycles.mac, run.cycles.out)
    assert walk.events.bits == run.register_bits
    assert walk.events.shared_adder_bits == getattr(run, "shared_adder_bits", 0)
    total = case.array.summation(case.mode).total
    m, k, n = case.sizes
    assert run.out.tolist() == [[total(walk.products[i, j][:k]) for j in range(n)] for i in range(m)]


@pytest.mark.parametrize("mode", [*FLOATS])
@pytest.mark.parametrize("products", Products)
def test_all_products_of_fp8_are_exact_and_their_sums_rounded_in_order(mode: Precision, products: Products) -> None:
    """Subnormal numbers, zeros of both signs, infinities and NaN too."""
    numbers = fp8_numbers(mode)
    array = TemporalArray(rows=16, cols=4, formats=(mode,), products=products)
    with np.errstate(over="ignore", invalid="ignore"):
        each = run_temporal_registers(array, mode, numbers[:, None], numbers[None])
        assert np.array_equal(each.out, np.float32(0) + np.outer(numbers, numbers).astype(np.float32), equal_nan=True)
        act, weight = np.random.default_rng(0).choice(numbers[np.isfinite(numbers)], (2, 9, 9))
        expected = np.zeros((9, 9), np.float32)
        for k in range(9):
            expected += np.outer(act[:, k], weight[k]).astype(np.float32)
    run = run_temporal_registers(array, mode, act, weight)
    assert run.out.tobytes() == expected.tobytes()
    assert run.cycles == array.gemm_cycles(mode, 9, 9, 9)


@pytest.mark.parametrize("name", ["carat", "bit_serial"])
@pytest.mark.parametrize("precision", ["int4", "int8", "fp8_e4m3"])
def test_both_engines_give_the_same_on_the_shipped_chips(name: str, precision: str) -> None:
    on, numbers = hwsim.load_chip(name), np.random.default_rng(1)
    floating = precision.startswith("fp")
    act, weight = (numbers.integers(-8, 8, size) / (2 if floating else 1) for size in ((20, 9), (9, 11)))
    formats: dict[str, Any] = {"act_precision": precision, "weight_precision": precision}
    if floating and name == "bit_serial":
        with pytest.raises(Unsupported, match="no fp8_e4m3 by fp8_e4m3; it does weights in int2, int3, int4, "):
            hwsim.gemm(on, act, weight, **formats)
        return
    act, weight = (operand if floating else operand.astype(int) for operand in (act, weight))
    fast, cycle = (hwsim.gemm(on, act, weight, engine=engine, **formats) for engine in ("fast", "cycle"))
    assert fast.figures == cycle.figures
    assert fast.out.tobytes() == cycle.out.tobytes()
    assert np.allclose(fast.out, act @ weight)


# -- what the mapper and the timeline make of them

FREE_PORTS = Ports(dram_read=None, dram_write=None, scratchpad_read=None, scratchpad_write=None, latency=0, slots=64)
ARRAYS = temporal_arrays() | bit_serial_arrays()


def wide(array: ComputeArray, size: int = 2**16) -> Chip:
    return chip(array=array, scratchpad=Scratchpad(size=size, read=2**30, write=2**30))


def formats_on(array: ComputeArray) -> Precision:
    """A format that both operands may have."""
    if isinstance(array, BitSerialArray):
        return min(formats_of(array), key=lambda each: each.bits)
    return array.modes[0]


def array_alone(node: StepTree) -> StepTree:
    """The same steps with nothing but the array's own time."""
    if isinstance(node, Repeat):
        return replace(node, body=tuple(array_alone(inner) for inner in node.body))
    return replace(node, loads=(), releases=(), vector_cycles=None, store_bytes=None, store_portions=())


@settings(max_examples=25)
@given(ARRAYS, st.tuples(*[st.integers(1, 20)] * 3), st.integers(300, 4000))
def test_a_schedule_takes_and_moves_what_closed_forms_say(
    array: ComputeArray, sizes: tuple[int, int, int], size: int
) -> None:
    m, k, n = sizes
    try:
        planned = schedule(gemm(m, k, n, formats_on(array)), wide(array, size))
    except Unsupported:
        return
    (op,) = planned.ops
    assert op.mode is not None
    alone = OpSchedule(name="alone", kind="gemm", steps=tuple(array_alone(node) for node in op.steps))
    assert times(Schedule(ports=FREE_PORTS, body=(alone,))).cycles == array.gemm_cycles(op.mode, m, k, n).out
    (counted,) = counters_of(planned).ops
    tiles = array.gemm_cycles(op.mode, m, k, n).tiles
    assert counted.work.macs == m * k * n
    assert counted.work.accumulator_reads == counted.work.accumulator_writes == 0
    if isinstance(array, TemporalArray):
        assert counted.work.array_register_bits == tiles * temporal_form.tile_register_bits(array, op.mode, k)
        assert counted.work.array_shared_adder_bits == tiles * k * temporal_form.window_adder_bits(array, op.mode)
    elif isinstance(array, BitSerialArray):
        steps = -(-k // array.lanes)
        assert counted.work.array_register_bits == tiles * serial_form.tile_register_bits(array, op.mode, steps)
        assert counted.work.array_shared_adder_bits == 0


@pytest.mark.slow
@settings(max_examples=12)
@given(ARRAYS, st.tuples(*[st.integers(1, 20)] * 3))
def test_more_rows_keep_the_array_no_longer(array: Any, sizes: tuple[int, int, int]) -> None:
    """As long as no drain binds: broadcast multiples of many rows wait for the rows to leave."""
    if getattr(array, "products", None) is Products.BROADCAST:
        array = replace(array, products=Products.PIPELINED)
    program = gemm(*sizes, formats_on(array))
    busy, least = [], []
    for rows in (array.rows, 2 * array.rows):
        (op,) = counters_of(schedule(program, wide(replace(array, rows=rows)))).ops
        busy.append(op.busy.array)
        least.append(rows if isinstance(array, BitSerialArray) else 0)
    tiles = replace(array, rows=2 * array.rows).gemm_cycles(array.modes[0], *sizes).tiles
    assert busy[1] <= max(busy[0], tiles * least[1])


@pytest.mark.slow
@settings(max_examples=12)
@given(ARRAYS, st.sampled_from((1, 2, 3, 16, 64)), st.tuples(*[st.integers(1, 20)] * 3))
def test_no_product_is_made_faster_than_its_operands_pass_the_port(
    array: ComputeArray, read: int, sizes: tuple[int, int, int]
) -> None:
    on, mode = chip(array=array, scratchpad=Scratchpad(size=2**16, read=read, write=64)), formats_on(array)
    (op,) = counters_of(schedule(gemm(*sizes, mode), on)).ops
    assert op.mode is not None
    peak = reachable_peak(on, op.mode, mode.bits, mode.bits).reachable_macs_per_cycle
    assert op.macs <= peak * op.busy.array


# -- figures by hand


def test_a_temporal_tile_by_hand() -> None:
    """3 rows, 2 columns, INT3: windows of 4 cycles. One tile of K = 2: the last window of column 1 ends with cycle 8 in
    row 0, 10 in row 2; its sum is added a cycle later, and the last row leaves after that."""
    array = TemporalArray(rows=3, cols=2, formats=(Precision.INT3,))
    assert array.macs_per_cycle(Precision.INT3) == Fraction(3, 2)
    assert array.gemm_cycles(Precision.INT3, 3, 2, 2) == GemmCycles(mac=12, out=13, tiles=1)
    assert array.gemm_cycles(Precision.INT3, 4, 2, 2) == GemmCycles(mac=20, out=21, tiles=2)
    together = replace(array, products=Products.BROADCAST)
    assert together.gemm_cycles(Precision.INT3, 3, 2, 2) == GemmCycles(mac=10, out=13, tiles=1)
    # A window: 3 + 3 + 2 words of 3 bits, multiples of 5 bits in 6 places and 4 cycles, 2 rows of 2 signs, and in each
    # of 6 places 4 bits of spikes, 6 of a product with its sign and 32 of a sum.
    bits = 8 * 3 + 6 * 4 * 5 + 2 * 2 + 6 * (4 + 6 + 32)
    assert temporal_form.window_register_bits(array, Precision.INT3) == bits
    assert temporal_form.window_adder_bits(array, Precision.INT3) == 2 * 3 * 5
    # Words of 3 rows and 2 columns once in 4 cycles.
    assert array.feed(Precision.INT3, 3, 3).bytes_per_cycle == Fraction(5 * 3, 8 * 4)


def test_a_bit_serial_tile_by_hand() -> None:
    """2 × 2 elements of 2 lanes, weights of 3 bits serial, activations of 4: K = 3 takes 2 steps of 3 cycles."""
    array = BitSerialArray(rows=2, cols=2, lanes=2, formats=(Precision.INT3,), parallel=INT4)
    assert array.macs_per_cycle(Precision.INT3) == Fraction(8, 3)
    assert array.gemm_cycles(Precision.INT3, 2, 3, 2) == GemmCycles(mac=8, out=10, tiles=1)
    # A step: two columns' words of 2 · 3 bits at the edge; in each of 4 elements 2 · 4 bits of activations, 3 · 2 of
    # weights, two sums of 3 + 4 + 1 bits and one of 32.
    assert serial_form.step_register_bits(array, Precision.INT3) == 2 * 2 * 3 + 4 * (8 + 6 + 2 * 8 + 32)
    assert serial_form.adder_widths(array, Precision.INT3) == (5, 0, 8)
    both = replace(array, serial=Serial.BOTH, parallel=None)
    assert both.gemm_cycles(Precision.INT3, 2, 3, 2).mac == 2 * 9 + 2


def test_a_product_costs_what_it_is_made_of() -> None:
    """In 7 nm: 0.03 pJ an addition of 32 bits; a gate of 0.567 fJ at 28 nm and 0.9 V, scaled; a register bit."""
    for array, bits, gates in (
        # INT4 in windows of 8 cycles: a sum of 32 bits, two gates for each of 8 bits of a product, one for its sign,
        # and 2 · 3 for each of the 8 cycles, shared by 8 columns.
        (TemporalArray(rows=4, cols=8, formats=(INT4,)), 32, 23),
        # 4 cycles of a tree of 1 · (8 + 1) bits and of a sum of 4 + 8 + 1, then 32: for two lanes. 8 gates a cycle.
        (BitSerialArray(rows=4, cols=4, lanes=2, formats=(INT4,), parallel=INT8), Fraction(4 * (9 + 13) + 32, 2), 32),
    ):
        result = hwsim.simulate(chip(array=array), hwsim.load_workload(PRODUCT))
        book = PriceBook(chip(array=array, energy=hwsim.load_prices("generic_7nm")), hwsim.load_prices("generic_7nm"))
        add, gate = book.need("add", Precision.INT32).energy, book.need("gate").energy
        expected = add * Fraction(bits) / 32 + gate * gates
        lines = {line.action: line for line in result.energy_lines}
        (product,) = [line for name, line in lines.items() if name in ("temporal int4", "bit-serial int4")]
        assert (product.count, product.exact_unit_aj) == (5 * 7 * 6, expected)
        spent = result.energy_by_component_aj
        shared = lines.get("shared adder bit")
        assert spent.mac == product.unit_aj * 5 * 7 * 6 + (shared.unit_aj * shared.count if shared else 0)
        assert spent.registers == lines["register bit"].count * lines["register bit"].unit_aj
        assert (shared is not None) == isinstance(array, TemporalArray)
        assert "multiply" not in product.basis


PRODUCT = {
    "kind": "gemms",
    "name": "one",
    "audio": "1 s",
    "precision": "w4a4",
    "products": [{"name": "one", "m": 5, "k": 7, "n": 6}],
}


def area(array: ComputeArray) -> Fraction:
    on = chip(array=array)
    return core_area(PriceBook(on, hwsim.load_prices("generic_7nm"))).array


def test_silicon_is_that_of_the_parts() -> None:
    """Broadcast multiples have registers at the top of a column alone; wider sums and more lanes take more."""
    array = TemporalArray(rows=4, cols=8, formats=(INT4,))
    book = PriceBook(chip(array=array), hwsim.load_prices("generic_7nm"))
    register = book.need("register", with_area=True)
    flop = register.quote.area * register.area_factor
    together = replace(array, products=Products.BROADCAST)
    assert area(array) - area(together) == flop * 3 * 8 * (7 + 1)  # 7 bits of a multiple and a sign in three more rows
    assert area(replace(array, accumulator=Register(bits=33))) - area(array) == flop * 4 * 8 * 2 + one_bit(book) * 4
    serial = BitSerialArray(rows=2, cols=2, lanes=4, formats=(INT4,), parallel=INT8)
    assert area(replace(serial, lanes=8)) > area(serial) > area(replace(serial, parallel=INT4))


def one_bit(book: PriceBook[Chip]) -> Fraction:
    adder = book.need("add", Precision.INT32, with_area=True)
    found: Fraction = adder.quote.area * adder.area_factor / 32
    return found


def test_zeros_spare_gates_alone() -> None:
    for array in (
        TemporalArray(rows=4, cols=8, formats=(INT4,)),
        BitSerialArray(rows=4, cols=4, formats=(INT4,), parallel=INT8),
    ):
        book = PriceBook(chip(array=array), hwsim.load_prices("generic_7nm"))
        usual, gated = (array.mac_price(BookPrices(book), INT4, gated=gated) for gated in (False, True))
        assert 0 < gated.exact < usual.exact
        assert "gate" not in gated.basis


# -- which formats they take


def test_the_serial_operand_alone_sets_the_pace() -> None:
    array = hwsim.load_chip("bit_serial").array
    assert array.mode(INT8, INT4) is INT4
    assert array.mode(INT4, INT8) is INT8
    assert array.mode(Precision.INT2, Precision.INT2) is Precision.INT2
    assert array.mode(Precision.INT16, INT4) is None
    cycles = [array.gemm_cycles(mode, 64, 4096, 64).out for mode in array.modes]
    assert [mode.value for mode in array.modes] == ["int2", "int3", "int4", "int8"]
    assert [count - cycles[0] for count in cycles] == [0, 256, 512, 1536]  # 4096 / 16 more for each bit


@pytest.mark.parametrize("name", ["carat", "bit_serial"])
def test_the_shipped_arrays_are_fed(name: str) -> None:
    """Whatever the policy: 2-bit weights below 8-bit activations take most of the port."""
    on = hwsim.load_chip(name)
    assert all(peak.limit is PeakLimit.ARRAY for peak in peaks(on))
    for act in (Precision.INT2, INT4, INT8):
        for weight in (Precision.INT2, INT4, INT8):
            mode = on.array.mode(act, weight)
            assert mode is not None
            assert reachable_peak(on, mode, act.bits, weight.bits).limit is PeakLimit.ARRAY


@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("carat", "it does fp8_e4m3, int4, int8"),
        ("bit_serial", "it does weights in int2, int3, int4, int8, activations in int8"),
    ],
)
def test_floats_are_refused_in_one_line(name: str, does: str) -> None:
    work = hwsim.load_workload("tdnnf_7q", precision="fp16")
    with pytest.raises(Unsupported) as caught:
        hwsim.simulate(hwsim.load_chip(name), work)
    assert str(caught.value) == f"encoder.1 on {name}: the array multiplies no fp16 by fp16; {does}"


@pytest.mark.parametrize("name", ["carat", "bit_serial"])
def test_reports_and_values_work_on_them(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, out = tmp_path / "one.yaml", tmp_path / "one.json"
    network.write_text(yaml.safe_dump(PRODUCT))
    said, _ = printed(
        capsys,
        "run",
        name,
        str(network),
        "--values",
        "--explain",
        "one",
        "--full",
        "--explain-energy",
        "--json",
        str(out),
    )
    assert "shared adder bit" in said or name == "bit_serial"
    on, found = hwsim.load_chip(name), hwsim.load_result(out)
    assert isinstance(found, Result)
    assert found.quality is not None
    assert found.quality.accumulators == name
    assert found.explanation is not None
    assert found.explanation.array_cycles == on.array.gemm_cycles(INT4, 5, 7, 6).out
    compared = hwsim.compare(on, hwsim.load_workload(PRODUCT), ["w8a8", "w4a8", "w4a4"])
    modes = [row.mode for row in compared.rows]
    assert modes == ([INT8, INT4, INT4] if name == "bit_serial" else [INT8, INT8, INT4])
    assert compared.rows[0].cycles >= compared.rows[2].cycles
