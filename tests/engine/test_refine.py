"""Weights that are rounded by what products read, and biases that are corrected."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.test_values import tiny_rnnt
from hwsim.engine.decode.decoder import search_of
from hwsim.engine.values.calibration import QuantParamsTable, quant_params_of
from hwsim.engine.values.calibration_stats import CalibrationStats
from hwsim.engine.values.evaluate import Given, calibrate, evaluate, quantised_ops
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.walk import run_program
from hwsim.ir.ops import Gemm, Op
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.quantities.plain_data import plain
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import Granularity, Quantisation, Rounding, WeightQuantiser
from hwsim.tensor.backend import ExactProducts

NEAREST = WeightQuantiser()
LEAST = WeightQuantiser(rounding=Rounding.LEAST_SQUARES)
CORRECTED = WeightQuantiser(correct_bias=True)


def found(weights: WeightQuantiser, policy: str = "w3a8") -> tuple[Workload, Given, QuantParamsTable, CalibrationStats]:
    work = workload(tiny_rnnt(frames=24), PrecisionPlan(policy=policy, quantise=Quantisation(weights=weights)))
    parameters = parameters_from(work.trained, seed=1)
    given = Given(parameters=parameters, inputs=inputs_from(work.trained, seed=1), most_symbols=2)
    stats = CalibrationStats(work.trained)
    calibrate(work, given, ExactProducts(), stats)
    return work, given, quant_params_of(work.trained, work.precision, parameters, stats), stats


def products(work: Workload, table: QuantParamsTable) -> list[Gemm]:
    ops = [placed.op for placed in work.program.placed()]
    return [op for op in ops if isinstance(op, Gemm) and op.weight.tensor in table.refined]


@pytest.mark.parametrize(
    "weights", [LEAST, replace(LEAST, granularity=Granularity.GROUP, group=3), replace(LEAST, symmetric=False)]
)
def test_refined_weights_are_integers_of_the_same_grid(weights: WeightQuantiser) -> None:
    work, given, table, _ = found(weights)
    _, _, nearest, _ = found(replace(weights, rounding=Rounding.NEAREST))
    ops = quantised_ops(work, given, table, ExactProducts())
    assert len(table.refined) > 5
    for name, values in table.refined.items():
        np.testing.assert_array_equal(table.tensors[name].scale, nearest.tensors[name].scale)
        np.testing.assert_array_equal(table.tensors[name].real(ops.held[name].astype(np.int32)), values)
    assert not nearest.refined


def test_products_of_refined_weights_are_nearer_to_what_they_were() -> None:
    work, given, table, stats = found(LEAST)
    assert stats.operands is not None
    lost = dict[str, tuple[float, float]]()
    for op in products(work, table):
        name, gram = op.weight.tensor, stats.operands.grams[op.name][0]
        trained, params = given.parameters[name].astype(np.float64), table.tensors[name]
        errors = [trained - table.refined[name], trained - params.real(params.quantised(given.parameters[name]))]
        refined, nearest = (float(np.einsum("kn,kl,ln->", e, gram, e)) for e in errors)
        lost[op.name] = refined, nearest
    assert sum(refined for refined, _ in lost.values()) < 0.7 * sum(nearest for _, nearest in lost.values())


def test_a_corrected_bias_brings_back_the_mean_of_the_results() -> None:
    work, given, table, stats = found(CORRECTED)
    assert stats.operands is not None
    corrected = [op for op in products(work, table) if op.bias is not None and op.bias.tensor in table.refined]
    assert corrected
    for op in corrected:
        assert op.bias is not None
        mean = stats.operands.sums[op.name][0] / stats.operands.counts[op.name]
        before = mean @ given.parameters[op.weight.tensor] + given.parameters[op.bias.tensor]
        after = mean @ table.refined[op.weight.tensor] + table.refined[op.bias.tensor]
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


def test_what_is_seen_of_operands_is_what_products_read() -> None:
    """In the loops too: the sums of one op, held against its operands as they come."""
    work, given, _, stats = found(LEAST)
    read: dict[str, list[NDArray[Any]]] = {}

    class Told(FloatOps):
        def _product(self, op: Any, act: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.float32]:
            read.setdefault(op.name, []).append(act[0].astype(np.float64))
            return super()._product(op, act, weight)

    ops = Told(work.program, given.parameters, ExactProducts())
    run_program(work.program, ops.memory(given.inputs), ops.run, search_of(work, ops.run, given.steering()))
    assert stats.operands is not None
    for name in stats.operands.grams:
        rows = np.concatenate(read[name])
        assert stats.operands.counts[name] == len(rows)
        np.testing.assert_allclose(stats.operands.grams[name][0], rows.T @ rows, rtol=1e-9, atol=1e-9)


def test_runs_of_values_use_what_is_refined() -> None:
    work, given, table, _ = found(LEAST)
    seen: dict[str, NDArray[Any]] = {}

    def watch(ops: Any) -> Any:
        seen.update({name: ops.held[name] for name in table.refined})

        def nobody(op: Op, name: str, values: Any, runs: int = 1) -> None:
            pass

        return nobody

    evaluate(work, given, ExactProducts(), watch=watch)
    for name, integers in seen.items():
        np.testing.assert_array_equal(table.tensors[name].real(integers.astype(np.int32)), table.refined[name])


def test_a_plan_that_asks_for_neither_says_nothing_of_them() -> None:
    said: Mapping[str, Any] = plain(WeightQuantiser())
    assert "rounding" not in said
    assert "correct_bias" not in said
    assert plain(LEAST)["rounding"] == "least_squares"
    assert found(NEAREST)[3].operands is None
