"""Quantised programs give the integers that the oracle gives, whatever the network, the policy and the path."""

from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.engine.values.calibration import QuantParamsTable, quant_params_of
from hwsim.engine.values.calibration_stats import CalibrationStats
from hwsim.engine.values.evaluate import Given, grids_of, run_floats, run_integers
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.recurrent import RecurrentLoops
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.walk import never, run_nodes, run_program
from hwsim.hardware.summation import Overflow, Register, Summation
from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.decoding import AlignmentLength, DensityRatio, Greedy, Joint, LstmLm, Prediction, TimeSynchronous
from hwsim.models.rnnt import Encoder, Rnnt
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.quantisation import ActivationQuantiser, Clip, Granularity, Mode, Quantisation, WeightQuantiser
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values
from hwsim.tensor.backend import ExactProducts, OrderedProducts
from strategies.recipes import MS, RECIPES, conformers, rnnts, tdnnfs
from witnesses.integer_interpreter import IntegerInterpreter

FUSION = DensityRatio(source=LstmLm(embedding=2, cells=3), external=LstmLm(embedding=2, cells=3))
_WIDE: Any = {"beam": 3, "symbols_per_second": Fraction(20), "cache_prediction": False}
ALSD = AlignmentLength(**_WIDE, fusion=FUSION)
TSD = TimeSynchronous(**_WIDE, expansions=2)

Values = dict[str, np.ndarray[Any, Any]]


def given_to(work: Workload, seed: int = 0) -> tuple[Values, Values]:
    return dict(parameters_from(work.program, seed)), dict(inputs_from(work.program, seed))


def calibrated(work: Workload, parameters: Values, inputs: Values) -> QuantParamsTable:
    """The grids of the plain loop tree."""
    seen = CalibrationStats(work.program)
    ops = FloatOps(work.program, parameters, ExactProducts(), seen.see)
    for name, values in inputs.items():
        seen.see_tensor(name, values)
    run_program(work.program, ops.memory(inputs), ops.run)
    return quant_params_of(work.program, work.precision, parameters, seen)


class Keeping(TensorStore):
    """A memory that forgets nothing."""

    def forget(self, names: frozenset[str]) -> None:
        pass


def run(
    work: Workload,
    parameters: Values,
    inputs: Values,
    found: QuantParamsTable,
    *,
    summation: Summation | None = None,
    threads: int = 1,
    fast: bool = False,
) -> tuple[TensorStore, IntegerOps]:
    """All tensors after the plain loop tree ran."""
    exact = ExactProducts(threads)
    products = exact if summation is None else OrderedProducts(lambda op, a, w: summation, "narrow", threads)
    ops = IntegerOps(work.program, parameters, found, products)
    memory = ops.memory(inputs)
    memory.__class__ = Keeping
    if fast:
        run_program(work.program, memory, ops.run, RecurrentLoops(ops))
    else:
        run_program(work.program, memory, ops.run)
    return memory, ops


def assert_same(memory: TensorStore, witness: IntegerInterpreter) -> None:
    for tensor in witness.program.tensors:
        found, wanted = memory[tensor.name], witness.values[tensor.name]
        np.testing.assert_array_equal(found, wanted, err_msg=tensor.name)


def assert_the_oracle_s(work: Workload) -> None:
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    memory, _ = run(work, parameters, inputs, found)
    witness = IntegerInterpreter(work.program, parameters, inputs, found)
    witness.run()
    assert_same(memory, witness)


QUANTISERS = st.builds(
    Quantisation,
    weights=st.builds(
        lambda clip, symmetric, scaling: WeightQuantiser(clip=clip, symmetric=symmetric, **scaling),
        clip=st.sampled_from([Clip.MAX, Clip.MSE, Clip.PERCENTILE]),
        symmetric=st.booleans(),
        scaling=st.sampled_from(
            [{}, {"granularity": Granularity.TENSOR}, {"granularity": Granularity.GROUP, "group": 2}]
        ),
    ),
    activations=st.builds(
        ActivationQuantiser, clip=st.sampled_from([Clip.MAX, Clip.MSE, Clip.PERCENTILE]), symmetric=st.booleans()
    )
    | st.just(ActivationQuantiser(mode=Mode.DYNAMIC)),
)
POLICIES = st.sampled_from(["w2a8", "w3a3", "w4a4", "w4a8", "w8a8", "w8a4", "w4a16", "w4a16g2", "fp16"])


@pytest.mark.slow
@settings(max_examples=40)
@given(RECIPES, POLICIES, st.just(Quantisation()) | QUANTISERS)
def test_integers_are_those_of_the_oracle(recipe: AnyRecipe, policy: str, quantise: Quantisation) -> None:
    work = workload(recipe, PrecisionPlan(policy=policy, quantise=quantise))
    assert_the_oracle_s(work)


@pytest.mark.slow
@settings(max_examples=25)
@given(conformers() | tdnnfs(), st.integers(1, 3), st.booleans())
def test_every_kind_of_product_computes_where_groups_of_weights_share_scales(
    recipe: AnyRecipe, group: int, symmetric: bool
) -> None:
    """Convolutions, depthwise and by rows of frames, attention and plain products; watched or not."""
    weights = WeightQuantiser(granularity=Granularity.GROUP, group=group, symmetric=symmetric)
    work = workload(recipe, PrecisionPlan(policy="w8a8", quantise=Quantisation(weights=weights)))
    assert_the_oracle_s(work)


SUMMATIONS = st.builds(
    lambda bits, overflow, rows, chunk: Summation(
        packed=1,
        tile=rows,
        register=Register(bits=bits, overflow=overflow),
        chunk=None if chunk is None else chunk * (rows or 1),
        outer=None if chunk is None else Register(bits=bits + 4, overflow=overflow),
    ),
    st.integers(8, 12),
    st.sampled_from(Overflow),
    st.none() | st.integers(1, 3),
    st.none() | st.integers(1, 3),
)


@pytest.mark.slow
@settings(max_examples=10)
@given(rnnts() | conformers(), st.sampled_from(["w8a8", "w4a8", "fp16"]), SUMMATIONS)
def test_narrow_accumulators_saturate_and_wrap_as_in_the_oracle(
    recipe: AnyRecipe, policy: str, summation: Summation
) -> None:
    work = workload(recipe, policy)
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    memory, ops = run(work, parameters, inputs, found, summation=summation, fast=True)
    witness = IntegerInterpreter(work.program, parameters, inputs, found, summation)
    witness.run()
    assert_same(memory, witness)
    if policy != "fp16":
        assert sum(count.accumulator for count in ops.clipped.values()) == witness.saturations


def clipped(ops: IntegerOps) -> dict[str, tuple[int, int, int]]:
    return {name: (count.accumulator, count.result, count.results) for name, count in ops.clipped.items()}


@settings(max_examples=15)
@given(rnnts(), st.sampled_from(["w8a8", "w4a4", "w2a8"]), st.sampled_from([1, 2]))
def test_recurrent_loops_in_one_call_give_what_their_ops_give(recipe: Rnnt, policy: str, threads: int) -> None:
    work = workload(recipe, policy)
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    slow, by_ops = run(work, parameters, inputs, found)
    fast, at_once = run(work, parameters, inputs, found, threads=threads, fast=True)
    for tensor in work.program.tensors:
        np.testing.assert_array_equal(fast[tensor.name], slow[tensor.name], err_msg=tensor.name)
    assert clipped(at_once) == clipped(by_ops)


@pytest.mark.slow
@settings(max_examples=15)
@given(rnnts(), st.sampled_from(["w8a8", "w4a4"]), st.integers(1, 200), st.sampled_from([1, 2]))
def test_who_watches_is_told_the_same_of_loops_in_one_call(recipe: Rnnt, policy: str, kept: int, threads: int) -> None:
    """All operands, accumulators and results, in order, however many iterations are kept before they are told."""
    work = workload(recipe, policy)
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    told: list[dict[tuple[str, str], list[Any]]] = []
    for at_once in (False, True):
        seen: dict[tuple[str, str], list[Any]] = {}

        def see(op: Op, name: str, values: Any, runs: int = 1, seen: Any = seen) -> None:
            seen.setdefault((op.name, name), []).extend(values.copy() if runs > 1 else [values.copy()])

        ops = IntegerOps(work.program, parameters, found, ExactProducts(threads), seen=see)
        with patch("hwsim.engine.values.recurrent._KEPT_NUMBERS", kept):
            run_program(work.program, ops.memory(inputs), ops.run, RecurrentLoops(ops) if at_once else never)
        told.append(seen)
    one_by_one, together = told
    assert one_by_one.keys() == together.keys()
    for key, arrays in one_by_one.items():
        for array, other in zip(arrays, together[key], strict=True):
            assert array.shape == other.shape, key
            np.testing.assert_array_equal(array, other, err_msg=str(key))


def test_a_long_bidirectional_layer_runs_at_once() -> None:
    """Else the test above would compare the slow path with itself."""
    work = workload(tiny_rnnt(frames=9), "w4a4")
    parameters, inputs = given_to(work)
    found = calibrated(work, parameters, inputs)
    ops = IntegerOps(work.program, parameters, found, ExactProducts())
    memory, at_once = ops.memory(inputs), RecurrentLoops(ops)
    done = []
    for node in work.program.body:
        if isinstance(node, Loop) and node.name.startswith("encoder"):
            done.append(at_once(node, memory, {}))
        else:
            run_nodes((node,), memory, {}, ops.run)
    assert done == [True, True]


def tiny_rnnt(frames: int, batch: int = 1, **changes: Any) -> Rnnt:
    fields: dict[str, Any] = {
        "name": "tiny",
        "audio": frames * 20 * MS,
        "batch": batch,
        "encoder": Encoder(features=6, frame=20 * MS, layers=2, cells=5, bidirectional=True),
        "prediction": Prediction(embedding=3, cells=4),
        "joint": Joint(size=4, outputs=5),
        "decoding": Greedy(symbols_per_second=Fraction(20)),
    }
    return Rnnt(**(fields | changes))


@pytest.mark.parametrize("decoding", [Greedy(symbols_per_second=Fraction(20)), ALSD, TSD])
@pytest.mark.parametrize("policy", ["w4a4", "fp16"])
def test_an_utterance_gives_the_same_bytes_alone_and_in_a_batch(decoding: Any, policy: str) -> None:
    """With the grids of the whole batch, each utterance alone gives its rows of the batch, and its symbols."""
    whole = workload(tiny_rnnt(7, batch=3, decoding=decoding), policy)
    parameters, inputs = given_to(whole)
    with TemporaryDirectory() as folder:
        floats = run_floats(whole, Given(parameters=parameters, inputs=inputs), Path(folder), ExactProducts())
    found = grids_of(whole, Given(parameters=parameters, inputs=inputs), floats)
    together = run_integers(whole, Given(parameters=parameters, inputs=inputs), found, ExactProducts())
    for place in range(3):
        own = workload(tiny_rnnt(7, decoding=decoding), policy)
        alone = {
            name: values[:, place : place + 1] if name == "features" else values[:1] for name, values in inputs.items()
        }
        done = run_integers(own, Given(parameters=parameters, inputs=alone), found, ExactProducts(2))
        assert done.decoded is not None
        assert together.decoded is not None
        assert done.decoded.symbols[0] == together.decoded.symbols[place]


def _into(file: Any, writer: Any) -> None:
    writer(file)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    work = workload(tiny_rnnt(5), "w4a8")
    written = []
    for place, (seed, threads) in enumerate([(3, 1), (3, 2), (4, 1)]):
        path = tmp_path / f"{place}.npz"
        with path.open("wb") as file, patch("os.cpu_count", return_value=threads):
            sources = Sources(seed=seed)
            run_values(prepared(work, sources), sources, write=partial(_into, file))
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]
