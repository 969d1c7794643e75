"""Channels between two products: ranges made equal, by the definition of Nagel et al., and nothing else changed."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.test_values import tiny_rnnt
from hwsim.engine.values.equalise import STILL, equalised, pairs_of
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.tensor_store import outputs
from hwsim.engine.values.walk import run_program
from hwsim.ir.nodes import rewritten
from hwsim.ir.ops import Apply, Elementwise, Function
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.tdnnf import FactoredEncoder, FactoredLayer, Outputs, Tdnnf
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.measured import Sources
from hwsim.study.values import prepared
from hwsim.tensor.backend import ExactProducts
from strategies.recipes import MS

Floats = dict[str, NDArray[np.float32]]


def tdnnf(**plan: Any) -> Workload:
    layers = tuple(FactoredLayer(stride=stride, bottleneck=4) for stride in (1, 0, 3))
    encoder = FactoredEncoder(features=5, frame=10 * MS, size=8, layers=layers, subsampling=3)
    recipe = Tdnnf(name="small", audio=240 * MS, encoder=encoder, outputs=Outputs(bottleneck=4, states=11))
    return workload(recipe, PrecisionPlan(policy="w4a8", **plan))


def drawn(work: Workload) -> Floats:
    """Parameters whose channels have ranges far apart."""
    rng, parameters = np.random.default_rng(3), dict(parameters_from(work.trained, seed=1))
    for name, values in parameters.items():
        if name.endswith("weight") or values.ndim > 1:
            parameters[name] = (values * np.exp(rng.normal(size=values.shape[-1]))).astype(np.float32)
    return parameters


def network(work: Workload) -> Program:
    assert work.network is not None
    return work.network


def scores(work: Workload, parameters: Floats) -> NDArray[Any]:
    program = network(work)
    ops = FloatOps(program, parameters, ExactProducts())
    memory = ops.memory(inputs_from(program, 1))
    run_program(program, memory, ops.run)
    return memory[outputs(program)[0]]


def test_pairs_of_a_factored_network_are_the_maps_around_each_bottleneck_and_each_rectifier_without_a_bypass() -> None:
    found = [(pair.first.name, pair.second.name) for pair in pairs_of(network(tdnnf()))]
    layers = [(f"encoder.{number}.linear", f"encoder.{number}.affine") for number in (2, 3, 4)]
    ends = ["narrow", "affine", "linear", "states"]
    assert found == [*layers, *((f"output.{a}", f"output.{b}") for a, b in pairwise(ends))]


def test_ranges_are_equal_on_both_sides_and_their_product_is_what_it_was() -> None:
    work = tdnnf()
    before = drawn(work)
    after = equalised(network(work), before)
    for pair in pairs_of(network(work)):
        old, new = (ranges(parameters, pair) for parameters in (before, after))
        np.testing.assert_allclose(new[0], new[1], rtol=2 * STILL)
        if pair.first.name.endswith("linear") and pair.first.name.startswith("encoder"):  # in no other pair
            np.testing.assert_allclose(new[0], np.sqrt(old[0] * old[1]), rtol=1e-5)
            assert np.abs(np.log(old[0] / old[1])).max() > 1


def ranges(parameters: Floats, pair: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = parameters[pair.first.weight.tensor], parameters[pair.second.weight.tensor]
    channels = first.shape[-1]
    by_channel = np.abs(second).reshape(-1, channels, second.shape[-1])
    return np.abs(first).reshape(-1, channels).max(axis=0), by_channel.max(axis=(0, 2))


def test_an_equalised_network_computes_the_same() -> None:
    work = tdnnf()
    before = drawn(work)
    after = equalised(network(work), before)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert "output.affine.bias" in changed
    expected = scores(work, before)
    np.testing.assert_allclose(scores(work, after), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_channels_without_weights_stay() -> None:
    work = tdnnf()
    before = drawn(work)
    before["encoder.2.linear.weight"][..., 1] = 0
    after = equalised(network(work), before)
    row = before["encoder.2.affine.weight"].reshape(-1, 4, 8)[:, 1]
    np.testing.assert_array_equal(after["encoder.2.affine.weight"].reshape(-1, 4, 8)[:, 1], row)


def test_what_somebody_else_reads_or_another_function_bends_is_no_pair() -> None:
    program = network(tdnnf())
    assert "output.affine" in {pair.first.name for pair in pairs_of(program)}
    kept = pairs_of(program, kept=["output.narrow.out"])
    assert "output.narrow" not in {pair.first.name for pair in kept}

    def bent(op: Any) -> Any:
        if not isinstance(op, Elementwise) or op.name != "output.relu":
            return op
        steps = Apply(function=Function.TANH, args=("x",), result="kept"), op.chain[-1]
        return replace(op, chain=steps, constants=())

    other = replace(program, body=rewritten(program.body, bent))
    assert "output.affine" not in {pair.first.name for pair in pairs_of(other)}
    rnnt = network(workload(tiny_rnnt(frames=24), PrecisionPlan(policy="w4a8")))
    assert pairs_of(rnnt) == ()


@pytest.mark.parametrize("asked", [False, True])
def test_a_plan_has_what_it_quantises_equalised(asked: bool) -> None:
    sources = Sources(seed=1)
    plain = prepared(tdnnf(), sources).given.parameters
    found = prepared(tdnnf(equalise=asked), sources).given.parameters
    same = all(np.array_equal(found[name], values) for name, values in plain.items())
    assert same is not asked
