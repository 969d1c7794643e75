"""Quantised programs give the integers that the oracle gives, whatever the network, the policy and the path."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.core.precision import PrecisionPlan
from hwsim.core.quantisation import ActivationQuantiser, Clip, Quantisation, WeightQuantiser
from hwsim.core.summation import Overflow, Register, Summation
from hwsim.core.tensor import Granularity
from hwsim.core.workload import Workload
from hwsim.engine.values.evaluate import FloatRun, Given
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.grids import Grids, grids
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.memory import Memory
from hwsim.engine.values.observe import Observed
from hwsim.engine.values.recurrent import RecurrentLoops
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.walk import run_program
from hwsim.models.catalogue import AnyRecipe, workload
from integer_interpreter import IntegerInterpreter
from recipes import RECIPES

Values = dict[str, np.ndarray[Any, Any]]


def given_to(work: Workload, seed: int = 0) -> tuple[Values, Values]:
    return dict(parameters_from(work.program, seed)), dict(inputs_from(work.program, seed))


def calibrated(work: Workload, parameters: Values, inputs: Values) -> Grids:
    """The grids of the plain loop tree."""
    seen = Observed(work.program)
    ops = FloatOps(work.program, parameters, seen.see)
    for name, values in inputs.items():
        seen.see_tensor(name, values)
    run_program(work.program, ops.memory(inputs), ops.run)
    return grids(work.program, work.precision, parameters, seen)


class Keeping(Memory):
    """A memory that forgets nothing."""

    def forget(self, names: frozenset[str]) -> None:
        pass


def run(
    work: Workload,
    parameters: Values,
    inputs: Values,
    found: Grids,
    *,
    summation: Summation | None = None,
    threads: int = 1,
    fast: bool = False,
) -> tuple[Memory, IntegerOps]:
    """All tensors after the plain loop tree ran."""
    ops = IntegerOps(work.program, parameters, found, adds=lambda op, a, w: summation, threads=threads)
    memory = ops.memory(inputs)
    memory.__class__ = Keeping
    if fast:
        run_program(work.program, memory, ops.run, RecurrentLoops(ops))
    else:
        run_program(work.program, memory, ops.run)
    return memory, ops


def assert_same(memory: Memory, witness: IntegerInterpreter) -> None:
    for tensor in witness.program.tensors:
        found, wanted = memory[tensor.name], witness.values[tensor.name]
        np.testing.assert_array_equal(found, wanted, err_msg=tensor.name)


QUANTISERS = st.builds(
    Quantisation,
    weights=st.builds(
        WeightQuantiser, clip=st.sampled_from([Clip.MAX, Clip.MSE, Clip.PERCENTILE]), symmetric=st.booleans()
    ),
    activations=st.builds(
        ActivationQuantiser, clip=st.sampled_from([Clip.MAX, Clip.MSE, Clip.PERCENTILE]), symmetric=st.booleans()
    ),
)
POLICIES = st.sampled_from(["w2a8", "w3a3", "w4a4", "w4a8", "w8a8", "w8a4", "w4a16", "w4a16g2", "fp16"])


@settings(max_examples=60)
@given(RECIPES, POLICIES, st.just(Quantisation()) | QUANTISERS)
def test_integers_are_those_of_the_oracle(recipe: AnyRecipe, policy: str, quantise: Quantisation) -> None:
    work = workload(recipe, PrecisionPlan(policy=policy, quantise=quantise))
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    memory, _ = run(work, parameters, inputs, found)
    witness = IntegerInterpreter(work.program, parameters, inputs, found)
    witness.run()
    assert_same(memory, witness)
