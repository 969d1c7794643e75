"""What binds an op: the unit itself, the DRAM, or the scratchpad's ports; and why an op got slower."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Function
from hwsim.ir.program import Program
from hwsim.mapping.planner import schedule
from hwsim.models.catalogue import workload
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import OpCounters, Units, Work
from hwsim.schedule.schedule import Residency
from hwsim.schedule.unit_table import Limit
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm

SLOW_DRAM = Dram(read=10**9, write=10**9)
FAST_DRAM = Dram(read=10**12, write=10**12)
WIDE = Scratchpad(size=2**16, read=2**20, write=2**20)
ONE_LANE = VectorUnit(lanes=1, cycles=sorted_pairs(dict.fromkeys(Function, 9)))
MANY_LANES = VectorUnit(lanes=4096, cycles=sorted_pairs(dict.fromkeys(Function, 1)))


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"dram": FAST_DRAM, "scratchpad": WIDE, "vector": MANY_LANES}, Limit("array")),
        ({"dram": FAST_DRAM, "scratchpad": replace(WIDE, read=1), "vector": MANY_LANES}, Limit("array_ports")),
        ({"dram": FAST_DRAM, "scratchpad": WIDE, "vector": ONE_LANE}, Limit("vector")),
        ({"dram": SLOW_DRAM, "scratchpad": WIDE, "vector": MANY_LANES}, Limit("dram_read")),
        ({"dram": FAST_DRAM, "scratchpad": replace(WIDE, write=1), "vector": MANY_LANES}, Limit("load_ports")),
    ],
)
def test_each_limit_is_told_where_everything_else_is_plenty(changes: dict[str, object], limit: Limit) -> None:
    (op,) = counters_of(schedule(gemm(64, 32, 32), chip(**changes))).ops
    assert op.limit is limit


@settings(max_examples=30)
@given(PROGRAMS, chips())
def test_ports_without_end_bind_nothing(program: Program, on: Chip) -> None:
    wide = replace(on.scratchpad, read=2**30, write=2**30)
    try:
        counters = counters_of(schedule(program, replace(on, scratchpad=wide)))
    except Unsupported:
        assume(False)
        raise
    for op in counters.ops:
        # A copy keeps the vector unit for a cycle of its ports, and its lanes for none.
        assert op.port_bound.vector <= op.busy.vector
        assert op.port_bound.load == op.port_bound.store == op.port_bound.array == 0


def test_ports_cannot_hold_a_unit_up_longer_than_it_works() -> None:
    (op,) = counters_of(schedule(gemm(9, 9, 9), chip())).ops
    with pytest.raises(InvalidValue, match="must be at most"):
        replace(op, port_bound=op.busy + Units(array=1))
    assert isinstance(op, OpCounters)
    assert op.work != Work()


def test_an_op_that_got_slower_says_which_unit_works_longer() -> None:
    """Weights alone in 4 bits: their conversion is more work than a single lane hides."""
    recipe = Gemms(name="one", products=(GemmSize(name="one", m=4, k=64, n=64),), precision="fp16")
    on = chip(vector=VectorUnit(lanes=1, cycles=sorted_pairs(dict.fromkeys(Function, 3))), scratchpad=WIDE)
    (slower,) = compare(on, workload(recipe), ("fp16", "w4a16")).slower_ops
    assert slower.cycles_after > slower.cycles_before
    grown = slower.busy_after.vector - slower.busy_before.vector
    assert grown >= 64 * 64 * 3
    assert slower.limit_after is Limit("vector")
    assert slower.reason == f"the vector unit works {grown:,} cycles longer"
    assert compare(on, workload(recipe), ("w4a16", "fp16")).slower_ops == ()


def test_biases_that_are_resident_with_their_scales_are_reported_so() -> None:
    result = simulate(load_chip("int4_array"), load_workload("mlperf_rnnt"))
    places = {tensor.tensor: tensor.place for tensor in result.tensors}
    assert places["encoder.0.forward.recurrent.bias"] is Residency.RESIDENT
    assert places["encoder.0.forward.input.bias"] is Residency.STREAMED


def test_a_wider_array_of_the_same_port_is_bound_by_it() -> None:
    """The array proper gets faster with its size, its port does not."""
    modes = sorted_pairs({Precision.INT8: 1})
    ops = [
        counters_of(
            schedule(
                gemm(64, 64, 64),
                chip(
                    array=SystolicArray(rows=side, cols=side, macs_per_pe=modes),
                    dram=FAST_DRAM,
                    scratchpad=replace(WIDE, read=8),
                    vector=MANY_LANES,
                ),
            )
        ).ops[0]
        for side in (4, 32)
    ]
    assert [op.limit for op in ops] == [Limit("array"), Limit("array_ports")]
