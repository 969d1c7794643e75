"""Products rounded one after another: each against its definition on what it reads, and all of them together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.test_equalise import drawn, tdnnf
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.calibration_stats import CalibrationStats
from hwsim.engine.values.evaluate import Given, calibrate, params_from
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.seeded import inputs_from
from hwsim.engine.values.tensor_store import outputs
from hwsim.engine.values.walk import run_program
from hwsim.errors import InvalidValue
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.workload import Workload
from hwsim.quantities.plain_data import plain
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import Quantisation, Rounding, WeightQuantiser
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.nearest_plane import DAMPING, moved_by_what_is_read, nearest_plane

Array = NDArray[Any]
BOTH = WeightQuantiser(rounding=Rounding.LEAST_SQUARES, correct_bias=True)


def found(weights: WeightQuantiser, **plan: Any) -> tuple[Workload, Mapping[str, Any], list[Any], QuantParamsTable]:
    work = tdnnf(quantise=Quantisation(weights=weights), **plan)
    parameters, heard, stats = drawn(work), [], CalibrationStats(work.trained)
    for seed in (1, 2, 3):
        inputs = inputs_from(work.trained, seed)
        calibrate(work, Given(parameters=parameters, inputs=inputs), ExactProducts(), stats)
        heard.append((work.trained, inputs))
    return work, parameters, heard, params_from(work, parameters, stats, heard)


class Told(FloatOps):
    """Floats, or numbers on their grids, with the rows that each product reads."""

    grids: QuantParamsTable | None = None

    def _product(self, op: Gemm | Conv, act: Array, weight: Array) -> NDArray[np.float32]:
        self.__dict__.setdefault("read", {})[op.name] = act[0].astype(np.float64)
        return super()._product(op, act, weight)

    def keep(self, op: Any, view: Any, memory: Any, indices: Any, values: Array) -> None:
        grid = None if self.grids is None else self.grids.tensors.get(view.tensor)
        super().keep(op, view, memory, indices, values if grid is None else grid.real(grid.quantised(values)))


def read_by(work: Workload, parameters: Mapping[str, Any], inputs: Any, table: QuantParamsTable | None) -> Any:
    """The rows of each product, in floats or rounded with what is refined; and the scores."""
    ops = Told(work.trained, parameters, ExactProducts())
    ops.grids = table
    held = dict(parameters)
    if table is not None:
        grids = {name: table.tensors[name] for name in held if name in table.tensors}
        held |= {name: grid.real(grid.quantised(held[name])) for name, grid in grids.items()}
        held |= table.refined
        inputs = {name: table.tensors[name].real(table.tensors[name].quantised(x)) for name, x in inputs.items()}
    memory = ops.memory(inputs)
    for name, values in held.items():
        memory[name] = values
    run_program(work.trained, memory, ops.run)
    return ops.__dict__["read"], memory[outputs(work.trained)[0]]


def test_each_product_is_the_nearest_plane_on_what_it_reads() -> None:
    work, parameters, heard, table = found(BOTH, in_turn=True)
    ops = [placed.op for placed in work.program.placed()]
    products = [op for op in ops if isinstance(op, (Gemm, Conv)) and op.weight.tensor in table.refined]
    assert len(products) == 11
    runs = [[read_by(work, parameters, inputs, which)[0] for _, inputs in heard] for which in (None, table)]
    for op in products:
        x, y = (np.concatenate([read[op.name] for read in run]) for run in runs)
        weight, grid = parameters[op.weight.tensor].astype(np.float64), table.tensors[op.weight.tensor]
        weight = weight.reshape(-1, weight.shape[-1])
        corrected = op.bias is not None
        if corrected:
            means = x.mean(axis=0), y.mean(axis=0)
            x, y = x - means[0], y - means[1]
        gram, cross = y.T @ y, y.T @ x
        wanted = np.linalg.solve(
            gram + DAMPING * np.diag(gram).mean() * np.eye(len(gram)),
            cross @ weight + DAMPING * np.diag(gram).mean() * weight,
        )
        np.testing.assert_allclose(moved_by_what_is_read(weight, gram, cross), wanted, rtol=1e-5, atol=1e-7)
        scale = np.broadcast_to(grid.scale.reshape(1, -1), weight.shape).astype(np.float64)
        expected = nearest_plane(wanted, gram, scale, 0 * scale, grid)
        refined = table.refined[op.weight.tensor].reshape(weight.shape)
        steps = np.abs(refined - expected) / scale
        assert (steps > 0.5).mean() < 0.02  # sums in another order may decide a tie
        if corrected:
            assert op.bias is not None
            trained = parameters[op.bias.tensor]
            lost = means[0] @ weight - means[1] @ refined
            np.testing.assert_allclose(table.refined[op.bias.tensor].reshape(-1), trained.reshape(-1) + lost, atol=1e-4)


def test_scores_are_nearer_than_by_products_that_know_nothing_of_each_other() -> None:
    lost = {}
    for in_turn in (False, True):
        work, parameters, heard, table = found(BOTH, in_turn=in_turn)
        lost[in_turn] = 0.0
        for _, inputs in heard:
            in_floats, rounded = (read_by(work, parameters, inputs, which)[1] for which in (None, table))
            lost[in_turn] += float(((in_floats - rounded) ** 2).sum())
    assert lost[True] < 0.8 * lost[False]


def test_biases_alone_follow_the_rounded_network_too() -> None:
    _, _, _, table = found(WeightQuantiser(correct_bias=True), in_turn=True)
    _, _, _, before = found(WeightQuantiser(correct_bias=True))
    np.testing.assert_array_equal(table.refined["output.states.weight"], before.refined["output.states.weight"])
    assert not np.array_equal(table.refined["output.states.bias"], before.refined["output.states.bias"])


def test_what_is_in_no_turn_is_refused() -> None:
    with pytest.raises(InvalidValue, match="in_turn = True: is how weights are rounded by what products read"):
        PrecisionPlan(policy="w4a8", in_turn=True)
    plan = PrecisionPlan(policy="w4a8", quantise=Quantisation(weights=BOTH))
    assert "in_turn" not in plain(plan)
    assert plain(replace(plan, in_turn=True))["in_turn"] is True
