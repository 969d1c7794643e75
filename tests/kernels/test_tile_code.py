"""Tiles are compiled for processors that need not be this one: sums stay in registers, and ARM's code is exact."""

import re
from collections.abc import Callable

import numpy as np
import pytest

import processor
import tile_code
from hwsim.kernels.cpu import ByteDot
from hwsim.kernels.lanes import BYTE_LANES, Lanes, pair_lanes
from hwsim.kernels.probe import lowers_to_signed_dot
from hwsim.kernels.products import FEW, ROWS
from hwsim.kernels.tile import KEEP, SETTLE
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from strategies import matrices
from strategies.matrices import Array
from strategies.products import INT8
from tile_code import Target, arm, x86

WIDE, NARROW, SIGNED = (BYTE_LANES[dot] for dot in (ByteDot.WIDE, ByteDot.NARROW, ByteDot.SIGNED))
PAIRS = pair_lanes("sext")

COMPILED = [
    (WIDE, x86("cascadelake"), "vpdpbusd"),
    (WIDE, x86("znver4"), "vpdpbusd"),
    (NARROW, x86("alderlake"), "{vex} vpdpbusd"),
    (NARROW, x86("sierraforest"), "{vex} vpdpbusd"),
    (PAIRS, x86("haswell"), "vpmaddwd"),
    (PAIRS, x86("znver3"), "vpmaddwd"),
    (SIGNED, arm("generic", "+dotprod"), "sdot"),
    (SIGNED, arm("neoverse-n1"), "sdot"),
    (SIGNED, arm("apple-m1"), "sdot"),
]


def steps(lanes: Lanes, rows: int, rule: int, target: Target, name: str) -> list[list[str]]:
    """The innermost loops that multiply, each a list of instructions with one space between their parts."""
    found = tile_code.loops(tile_code.assembly(lanes, rows, rule, target))
    spaced = [[re.sub(r"\s+", " ", line) for line in loop] for loop in found]
    return [loop for loop in spaced if any(line.startswith(name) for line in loop)]


def touches_frame(loop: list[str], target: Target) -> bool:
    return any(re.search(target.frame, line) for line in loop)


@pytest.mark.parametrize("rows", [1, FEW, ROWS])
@pytest.mark.parametrize(("lanes", "target", "name"), COMPILED)
def test_sums_that_are_kept_stay_in_registers(lanes: Lanes, target: Target, name: str, rows: int) -> None:
    """The loop over the steps makes whole steps, by the instruction and no other, and has nothing to do with memory but
    to load operands."""
    multiplying = steps(lanes, rows, KEEP, target, name)
    assert multiplying
    of_a_step = rows * lanes.columns // lanes.count
    for loop in multiplying:
        made = sum(line.startswith(name) for line in loop)
        assert made > 0
        assert made % of_a_step == 0
        assert not touches_frame(loop, target)


@pytest.mark.parametrize(("lanes", "target", "name"), COMPILED)
def test_a_tile_with_more_sums_than_registers_is_seen(lanes: Lanes, target: Target, name: str) -> None:
    assert any(touches_frame(loop, target) for loop in steps(lanes, 9, KEEP, target, name))


@pytest.mark.parametrize("target", [arm("neoverse-n1"), arm("apple-m1"), arm("generic", "+dotprod")])
def test_a_processor_with_the_instruction_is_known_by_its_name_or_its_features(target: Target) -> None:
    target.machine()
    assert lowers_to_signed_dot(target.triple, target.processor, target.features)


@pytest.mark.parametrize("target", [arm("generic"), arm("cortex-a72"), arm("neoverse-n1", "-dotprod"), x86("znver4")])
def test_a_processor_without_the_instruction_is_known(target: Target) -> None:
    target.machine()
    assert not lowers_to_signed_dot(target.triple, target.processor, target.features)


@pytest.fixture
def emulator() -> None:
    processor.need_arm_emulator()


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("fill", matrices.FILLS)
@pytest.mark.parametrize("rows", [1, FEW, ROWS])
@pytest.mark.parametrize("target", [arm("neoverse-n1"), arm("generic", "+dotprod")])
def test_the_instructions_of_arm_make_exact_sums(
    fill: Callable[[int, int, Precision], Array], rows: int, target: Target
) -> None:
    act, panels, weight = operands(fill, rows)
    extra = np.arange(-8, 8).astype(np.int32) * 1000
    numbers = {"act_stride": act.shape[1], "groups": len(panels), "group": 1, "low": 0, "high": 0}
    arrays = {"act": act, "weight": panels, "extra": extra}
    found, clamped = tile_code.run_arm(SIGNED, rows, KEEP, target, {**arrays, **numbers})
    assert (found == oracle.exact(act, weight) + extra).all()
    assert clamped == 0


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("fill", matrices.FILLS)
@pytest.mark.parametrize("group", [1, 5])
def test_the_instructions_of_arm_saturate_as_the_oracle_does(
    fill: Callable[[int, int, Precision], Array], group: int
) -> None:
    act, panels, weight = operands(fill, ROWS)
    register, groups = oracle.Width(16), len(panels) // group
    extra = np.zeros((groups, SIGNED.columns), np.int32)
    numbers = {"act_stride": act.shape[1], "groups": groups, "group": group, "low": -(2**15), "high": 2**15 - 1}
    arrays = {"act": act, "weight": panels, "extra": extra}
    found, clamped = tile_code.run_arm(SIGNED, ROWS, SETTLE, arm("neoverse-n1"), {**arrays, **numbers})
    assert (found == oracle.output_stationary(act, weight, register, packed=4 * group)).all()
    assert clamped == register.clamped


def operands(fill: Callable[[int, int, Precision], Array], rows: int) -> tuple[Array, Array, Array]:
    """Activations, weights as [step, column, four of K], and the same weights as a matrix; ten steps."""
    act = fill(rows, 40, INT8).astype(np.int8)
    weight = fill(40, SIGNED.columns, INT8).astype(np.int8)
    return act, np.ascontiguousarray(weight.reshape(10, 4, -1).transpose(0, 2, 1)), weight
