"""Scales that are decided while a model runs: one a row, kept in the trace, paid for on the vector unit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.test_trace import narrow_chip, traced
from engine.test_values import SUMMATIONS, assert_same, calibrated, given_to, run, tiny_rnnt
from hwsim.engine.accounting import counters_of
from hwsim.engine.values.evaluate import Given, evaluate
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.summation import Summation
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Function, Gemm, Quantise
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import schedule
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.oracle.quantise import dynamic_row
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision, PrecisionPlan, Rule
from hwsim.quantities.quantisation import ActivationQuantiser, Clip, Mode, Quantisation
from hwsim.study.simulate import simulate
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.dynamic import quantised_rows
from strategies.chips import MODES, VECTOR, chip, systolic
from strategies.recipes import DYNAMIC, RECIPES
from witnesses.integer_interpreter import IntegerInterpreter

ON_THE_FLY = DYNAMIC.quantise


def plan(policy: str, **changes: Any) -> PrecisionPlan:
    return PrecisionPlan(policy=policy, quantise=ON_THE_FLY, **changes)


@pytest.mark.slow
@settings(max_examples=15)
@given(RECIPES, st.sampled_from(["w2a8", "w4a4", "w8a8", "w8a3"]), st.none() | SUMMATIONS)
def test_dynamic_integers_and_floats_are_those_of_the_oracle(
    recipe: AnyRecipe, policy: str, summation: Summation | None
) -> None:
    work = workload(recipe, plan(policy))
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    memory, _ = run(work, parameters, inputs, found, summation=summation)
    witness = IntegerInterpreter(work.program, parameters, inputs, found, summation)
    witness.run()
    assert_same(memory, witness)


@settings(max_examples=50)
@given(st.lists(st.lists(st.floats(width=16, allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=4))
def test_rows_are_quantised_as_the_oracle_says(rows: list[list[float]]) -> None:
    """Rows of zeros and of the least numbers too; what is infinite counts as the largest finite number."""
    found, scales = quantised_rows(np.array(rows, np.float32), Precision.INT4)
    largest = float(np.finfo(np.float32).max)
    for row, made, scale in zip(rows, found, scales, strict=True):
        finite = [min(max(value, -largest), largest) for value in row]
        assert (made.tolist(), float(scale)) == dynamic_row(finite, 7)


def quality_with_outliers(policy: PrecisionPlan) -> tuple[float, float]:
    """A product some of whose rows are a hundred times as large: decibels of all of it, and of its small rows."""
    work = workload(Gemms(name="one", batch=1, products=(GemmSize(name="one", m=40, k=16, n=8),)), policy)
    parameters, inputs = given_to(work)
    inputs["one.act"][::8] *= 100
    found = calibrated(work, parameters, inputs)
    memory, ops = run(work, parameters, inputs, found)
    wanted = inputs["one.act"] @ parameters["one.weight"]
    noise = ops.real("one.out", memory["one.out"]) - wanted
    small = np.arange(40) % 8 != 0
    whole = evaluate(work, Given(parameters=parameters, inputs={**inputs}), ExactProducts()).sqnr_db
    assert whole is not None
    return whole, float(10 * np.log10((wanted[small] ** 2).sum() / (noise[small] ** 2).sum()))


def test_small_rows_beside_outliers_keep_their_bits() -> None:
    """A scale for all rows leaves nothing of the small ones; a scale of their own loses as little as without them."""
    static, dynamic = (quality_with_outliers(policy) for policy in (PrecisionPlan(policy="w8a8"), plan("w8a8")))
    assert static[0] < dynamic[0]
    assert static[1] < 10
    assert dynamic[1] > 30


def test_a_trace_keeps_the_scale_of_every_row(tmp_path: Path) -> None:
    work = workload(tiny_rnnt(5, batch=2), plan("w4a8"))
    trace, quality = traced(work, tmp_path)
    products = [placed.op for placed in work.program.placed() if isinstance(placed.op, Gemm)]
    assert all(op.row_scales is not None for op in products)
    for op in products:
        act, weight, acc, scale = (trace[f"{op.name}/{part}"] for part in ("act", "weight", "acc", "act_scale"))
        assert act.dtype == np.int8
        assert act.size == scale.size * act.shape[-1]
        np.testing.assert_array_equal(act.astype(np.int64) @ weight.astype(np.int64), acc)
        assert np.abs(act).max(axis=-1).min() in (0, 127)  # each row reaches the end of its own scale
        rows = scale.reshape(-1, 1) * trace[f"{op.name}/weight_scale"].reshape(1, -1)
        bias = trace[f"{op.name}/bias"].astype(np.float16).astype(np.float32)
        made = (acc.reshape(rows.shape).astype(np.float32) * rows + bias).astype(np.float16)
        np.testing.assert_array_equal(made, trace[f"{op.name}/out"].reshape(rows.shape))
    assert quality.sqnr_db is not None
    own = next(op for op in quality.ops if op.name == "encoder.0.forward.input.quantise")
    assert own.sqnr_db is not None
    assert own.sqnr_db > 40


def quantises(work: Workload) -> list[str]:
    return [placed.op.name for placed in work.program.placed() if isinstance(placed.op, Quantise)]


def test_products_that_read_the_same_rows_share_them_and_rules_choose() -> None:
    shared = quantises(workload(tiny_rnnt(5), plan("w8a8")))
    assert "encoder.0.forward.input.quantise" in shared
    assert "encoder.0.backward.input.quantise" not in shared
    assert {"encoder.0.forward.recurrent.quantise", "joint.output.quantise"} <= set(shared)
    rule = Rule(match="joint.*", policy="w8a8", quantise=ON_THE_FLY)
    ruled = workload(tiny_rnnt(5), PrecisionPlan(policy="w4a4", rules=(rule,)))
    assert all(name.startswith("joint.") for name in quantises(ruled))
    assert quantises(ruled)
    assert ruled.precision.title == "w4a4 with 1 rule"
    assert workload(tiny_rnnt(5), plan("w8a8")).precision.title == "w8a8 dynamic"
    assert quantises(workload(tiny_rnnt(5), plan("w4a16"))) == []  # floats are not quantised


def test_the_vector_unit_pays_for_scales_and_the_array_multiplies_integers() -> None:
    recipe = Gemms(name="one", batch=1, products=(GemmSize(name="one", m=6, k=8, n=5),))
    work = workload(recipe, plan("w8a8"))
    (quantise, product) = [placed.op for placed in work.program.placed()]
    shape = work.program.shapes()
    wanted = {Function.ADD: 48, Function.REQUANTIZE: 48, Function.MUL: 6, Function.RECIPROCAL: 6}
    assert op_spec(quantise).vector_work(quantise, shape) == wanted
    assert op_spec(product).vector_work(product, shape)[Function.MUL] == 30
    lanes = replace(VECTOR, cycles=sorted_pairs({**dict.fromkeys(Function, 2), Function.MUL: 3}))
    big = chip(vector=lanes)
    dynamic = {op.name: op for op in counters_of(schedule(work.program, big)).ops}
    static = {op.name: op for op in counters_of(schedule(workload(recipe, "w8a8").program, big)).ops}
    assert dynamic["one"].mode is static["one"].mode is Precision.INT8
    assert dynamic["one.quantise"].work.vector_lane_cycles == 48 * 2 + 48 * 2 + 6 * 3 + 6 * 2
    # Beside what a static product does, that of each result with the scale of its row, which are four bytes each.
    assert dynamic["one"].work.vector_lane_cycles == static["one"].work.vector_lane_cycles + 30 * 3
    assert dynamic["one"].work.macs == static["one"].work.macs
    integers = tuple(mode for mode in MODES if not mode[0].floating)
    only_integers = chip(array=replace(systolic(big), macs_per_pe=integers))
    assert simulate(only_integers, work).summary.cycles > 0
    with pytest.raises(Unsupported, match=r"multiplies no fp16 by int8"):
        simulate(only_integers, workload(recipe, "w8a16g8"))


def test_narrow_accumulators_of_a_chip_hold_dynamic_sums() -> None:
    from hwsim.results.measured import Sources
    from hwsim.study.values import prepared, run_values

    work, own = workload(tiny_rnnt(9), plan("w8a8")), Sources()
    assert run_values(prepared(work, own), own).saturations == 0
    assert run_values(prepared(work, own), own, chip=narrow_chip()).saturations > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clip": Clip.MSE}, "needs values seen beforehand; dynamic scales clip nothing"),
        ({"symmetric": False}, "dynamic scales have no zero points"),
    ],
)
def test_dynamic_quantisers_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Quantisation(activations=ActivationQuantiser(mode=Mode.DYNAMIC, **fields))
