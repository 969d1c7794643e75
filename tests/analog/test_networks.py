"""Networks on analog tiles: exact where tiles are ideal, and a function of the seed alone where they are not."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.engine.standing import placeable, standings
from hwsim.engine.values.evaluate import Given, grids_of, run_floats, run_integers
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.errors import UnknownName, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.conversion import Adc, Axis, Encoding, InputConversion, Range, Rounding, Scaling
from hwsim.hardware.analog.curves import polynomial
from hwsim.hardware.analog.device import Device, DeviceModel, Preset
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Mapping, Subtract, WeightMapping
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, at_length, recipe_of, workload
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.quantities.quantisation import ActivationQuantiser, Granularity, Mode, Quantisation, WeightQuantiser
from hwsim.study.values import as_searched
from hwsim.tensor.analog.network import SampledProducts, TileProducts, Tiles
from hwsim.tensor.backend import ExactProducts, ProductBackend
from hwsim.tensor.weights import Weights
from strategies.chips import analog_chip
from strategies.recipes import MS, RECIPES

Array = NDArray[Any]
Seen = list[tuple[str, str, Array]]

IDEAL = AnalogTile(rows=8, cols=8, input=InputConversion(bits=16))
NOISY = AnalogTile(
    rows=8,
    cols=8,
    device=Device(custom=DeviceModel(white=0.05, flicker=polynomial(0.02), programming=polynomial(0.5),
                                     characterised_at=Device().g_max)),
    weights=WeightMapping(significance=(1.0, 1.0)),
    adc=Adc(bits=8, range=Range.CALIBRATED, per=(Axis.TILE, Axis.COLUMN), rounding=Rounding.STOCHASTIC),
)  # fmt: skip


def tiny(policy: str = "w8a8") -> Workload:
    """A second of speech in a small recogniser with a search, of LSTMs."""
    sizes = {
        "encoder.layers": 3,
        "encoder.cells": 5,
        "encoder.features": 6,
        "prediction.cells": 4,
        "prediction.embedding": 4,
        "joint.size": 4,
    }
    return at_length(load_workload("mlperf_rnnt", policy, dims=sizes), 1000 * MS)


def values(work: Workload, folder: Path, products: ProductBackend, calibrating: SampledProducts | None = None) -> Seen:
    """All results of a run that decides for itself, in order."""
    known = Given(parameters=parameters_from(work.trained, 0), inputs=inputs_from(work.trained, 0), most_symbols=2)
    folder.mkdir(exist_ok=True)
    floats = run_floats(work, known, folder, ExactProducts())
    table, seen = grids_of(work, known, floats), Seen()
    if calibrating is not None:
        run_integers(work, known, table, calibrating)

    def see(op: Op, name: str, values: Array, runs: int = 1) -> None:
        shape = values.shape if runs == 1 else values.shape[1:]
        seen.extend((op.name, name, one.copy()) for one in values.reshape(runs, *shape))

    run_integers(work, known, table, products, seen=see)
    return seen


def on_tiles(
    chip: AnalogChip, work: Workload, placed: frozenset[str] | None = None, *, seed: int = 0, threads: int = 1
) -> tuple[TileProducts, SampledProducts]:
    standing = standings(chip, work.program, placed)
    sampled = SampledProducts(standing)
    return TileProducts(chip.name, Tiles(standing, seed, sampled.samples), threads=threads), sampled


def assert_same(found: Seen, wanted: Seen) -> None:
    """The same ops with the same results; loops in one call tell of several runs of an op at once."""

    def by_op(seen: Seen) -> dict[tuple[str, str], list[Array]]:
        results: dict[tuple[str, str], list[Array]] = {}
        for op, name, one in seen:
            results.setdefault((op, name), []).append(one)
        return results

    ours, theirs = by_op(found), by_op(wanted)
    assert ours.keys() == theirs.keys()
    for key, results in theirs.items():
        np.testing.assert_array_equal(
            np.concatenate([one.reshape(-1) for one in ours[key]]),
            np.concatenate([one.reshape(-1) for one in results]),
            err_msg=str(key),
        )


INTEGERS = st.sampled_from(
    ["w2a8", "w4a4", "w4a8", "w8a8", PrecisionPlan(policy="w8a8", quantise=Quantisation(
        activations=ActivationQuantiser(mode=Mode.DYNAMIC)))]
)  # fmt: skip
BITS = st.sampled_from([{}, {"bits": 8, "slices": 2}, {"bits": 9, "slices": 3}, {"bits": 8}])
PAIRS = st.sampled_from([{"subtract": Subtract.ANALOG}, {"subtract": Subtract.DIGITAL}, {"mapping": Mapping.OFFSET}])
MAPPINGS = st.builds(
    lambda pairs, bits, cells: WeightMapping(**pairs, **bits, significance=cells),
    PAIRS, BITS, st.sampled_from([(1.0,), (1.0, 1.0), (1.0, 0.5)]),
)  # fmt: skip
INPUTS = st.sampled_from(
    [
        InputConversion(bits=16),
        InputConversion(bits=16, range=(-3, 3), encoding=Encoding.BIT_SERIAL),
        InputConversion(bits=None),
        InputConversion(bits=None, scaling=Scaling.LARGEST),
    ]
)
IDEAL_TILES = st.builds(
    AnalogTile, rows=st.integers(1, 6), cols=st.integers(1, 6), weights=MAPPINGS, input=INPUTS,
    device=st.sampled_from([Device(), Device(on_off_ratio=20.0)]),
)  # fmt: skip


@settings(max_examples=40)
@given(RECIPES, INTEGERS, IDEAL_TILES, st.integers(1, 3), st.booleans())
def test_ideal_tiles_give_exact_integers(
    tmp_path_factory: pytest.TempPathFactory,
    recipe: AnyRecipe,
    policy: str | PrecisionPlan,
    tile: AnalogTile,
    copies: int,
    dense: bool,
) -> None:
    work = as_searched(workload(recipe, policy))
    patterns = ("*",) if dense and len(tile.weights.significance) > 1 else ()
    chip = analog_chip(tile, copies=(("*", copies),), dense=patterns)
    folder = tmp_path_factory.mktemp("run")
    products, _ = on_tiles(chip, work, _in_integers(chip, work))
    assert_same(values(work, folder / "tiles", products), values(work, folder / "exact", ExactProducts()))


def _in_integers(chip: AnalogChip, work: Workload) -> frozenset[str]:
    """The ops that tiles can do and whose operands are integers."""
    ops, names = [placed.op for placed in work.program.placed()], placeable(chip, work.program)
    floating = {tensor.name for tensor in work.program.tensors if tensor.precision.floating}
    products = [op for op in ops if isinstance(op, (Gemm, Conv)) and op.name in names]
    return frozenset(op.name for op in products if not floating & {op.act.tensor, op.weight.tensor})


@pytest.mark.parametrize("policy", ["w8a8", "w4a8", "w4a4"])
def test_eight_bits_of_input_are_enough_for_eight_bits(policy: str, tmp_path: Path) -> None:
    work = tiny(policy)
    products, _ = on_tiles(analog_chip(replace(IDEAL, input=InputConversion(bits=8))), work)
    assert_same(values(work, tmp_path / "tiles", products), values(work, tmp_path / "exact", ExactProducts()))


def test_fewer_bits_of_input_than_of_activations_are_not(tmp_path: Path) -> None:
    work = tiny()
    products, _ = on_tiles(analog_chip(replace(IDEAL, input=InputConversion(bits=5))), work)
    found, wanted = values(work, tmp_path / "tiles", products), values(work, tmp_path / "exact", ExactProducts())
    assert any(a.shape == b.shape and (a != b).any() for (*_, a), (*_, b) in zip(found, wanted, strict=False))


@pytest.mark.parametrize("policy", ["fp16", "w4a16"])
def test_floats_go_in_and_come_out(policy: str, tmp_path: Path) -> None:
    """Results of an ideal tile are those of single precision, but for rounding."""
    work = tiny(policy)
    chip = analog_chip(AnalogTile(input=InputConversion(bits=None, scaling=Scaling.LARGEST)))
    products, _ = on_tiles(chip, work)
    found, wanted = values(work, tmp_path / "tiles", products), values(work, tmp_path / "exact", ExactProducts())
    (_, _, one), (_, _, other) = (
        next(result for result in seen if result[:2] == ("encoder.0.forward.input", "/acc")) for seen in (found, wanted)
    )
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# -- draws are a function of the seed and of where they are made


def _product(
    rows: list[int],
    *,
    op: str = "encoder.1.forward.input",
    threads: int = 1,
    seed: int = 0,
    copies: int = 1,
    every: int = 1,
) -> Array:
    """300 vectors, so many at a time, times a weight that stands as that op; or only some of the vectors."""
    work, rng = tiny(), np.random.default_rng(3)
    products, sampled = on_tiles(analog_chip(NOISY, copies=(("*", copies),)), work, seed=seed, threads=threads)
    view = next(p.op for p in work.program.placed() if p.op.name == op)
    assert isinstance(view, Gemm)
    weights = Weights.of(rng.integers(-127, 128, work.program.tensor(view.weight.tensor).shape), Precision.INT8)
    act = rng.integers(-127, 128, (300, weights.k)).astype(np.int8)
    sampled.product(op, act, Precision.INT8, weights)
    parts = np.split(act[::every], np.cumsum(rows))
    return np.concatenate([products.product(op, part, Precision.INT8, weights).out for part in parts if len(part)])


@pytest.mark.parametrize("copies", [1, 3])
def test_sums_do_not_depend_on_calls_or_threads(copies: int) -> None:
    whole = _product([], copies=copies)
    np.testing.assert_array_equal(_product([1, 1, 5, 200], copies=copies), whole)
    np.testing.assert_array_equal(_product([260], copies=copies, threads=2), whole)
    assert (_product([], copies=copies, seed=1) != whole).mean() > 0.5


def test_ops_have_tiles_of_their_own() -> None:
    """The same weight and vectors stand as two ops, whose devices differ."""
    one, other = _product([], op="encoder.1.forward.recurrent"), _product([], op="encoder.0.forward.recurrent")
    assert (one != other).mean() > 0.5


def test_tiles_are_numbered_without_gaps_or_shares() -> None:
    work = tiny()
    standing = standings(analog_chip(NOISY, copies=(("encoder.0.*", 3),)), work.program)
    numbers = [
        standing_of.first(place, copy) + tile
        for standing_of in standing.values()
        for copy in range(standing_of.copies)
        for place in range(standing_of.matrices)
        for tile in range(standing_of.tiles_of_matrix)
    ]
    assert sorted(numbers) == list(range(sum(each.tiles for each in standing.values())))


def test_copies_take_vectors_in_turn() -> None:
    """The first of three copies gives for every third vector what it gives for these alone."""
    op = "encoder.0.forward.input"
    three, alone, others = _product([], op=op, copies=3), _product([], op=op, every=3), _product([], op=op)
    np.testing.assert_array_equal(three[::3], alone)
    assert (three[1::3] != others[1::3]).mean() > 0.5


def noisy_outputs(folder: Path) -> Array:
    """All results of a network on noisy tiles, one after another."""
    products, sampled = on_tiles(analog_chip(NOISY, copies=(("*.input", 2),)), tiny(), seed=5)
    return np.concatenate(
        [one.reshape(-1).astype(float) for *_, one in values(tiny(), folder, products, calibrating=sampled)]
    )


_IN_A_PROCESS = """
import sys
from pathlib import Path
import numpy
from analog.test_networks import noisy_outputs
numpy.save(sys.argv[1], noisy_outputs(Path(sys.argv[2])))
"""


def test_a_network_s_values_do_not_depend_on_the_process(tmp_path: Path) -> None:
    path = tmp_path / "values.npy"
    subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS, str(path), str(tmp_path / "there")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        check=True,
    )
    np.testing.assert_array_equal(noisy_outputs(tmp_path / "here"), np.load(path))


# -- what stands on tiles


@settings(max_examples=25)
@given(RECIPES, INTEGERS)
def test_what_does_not_stand_on_tiles_is_exact(
    tmp_path_factory: pytest.TempPathFactory, recipe: AnyRecipe, policy: str | PrecisionPlan
) -> None:
    work, folder = as_searched(workload(recipe, policy)), tmp_path_factory.mktemp("run")
    products, _ = on_tiles(analog_chip(NOISY), work, frozenset())
    assert_same(values(work, folder / "tiles", products), values(work, folder / "exact", ExactProducts()))


@settings(max_examples=40)
@given(RECIPES)
def test_products_of_parameters_stand_on_tiles_and_no_others(recipe: AnyRecipe) -> None:
    work = workload(recipe, "w8a8")
    chip = analog_chip(NOISY, digital=("joint.*",))
    program, names = work.program, placeable(chip, work.program)
    for placed in program.placed():
        op = placed.op
        if op.name in names:
            assert isinstance(op, (Gemm, Conv))
            assert program.tensor(op.weight.tensor).role.parameter
            assert not op.name.startswith("joint.")
        elif isinstance(op, Gemm) and not op.name.startswith("joint."):
            assert op.on_vector or not program.tensor(op.weight.tensor).role.parameter


def test_dense_ops_have_a_cell_a_digit_and_more_columns() -> None:
    standing = standings(analog_chip(NOISY, dense=("encoder.0.*",)), tiny().program)
    dense, plain = standing["encoder.0.forward.recurrent"], standing["encoder.1.forward.recurrent"]
    assert (dense.tile.cols, dense.tile.weights.significance) == (16, (1.0,))
    assert (plain.tile.cols, plain.tile.weights.significance) == (8, (1.0, 1.0))


GROUPED = PrecisionPlan(
    policy="w8a8", quantise=Quantisation(weights=WeightQuantiser(granularity=Granularity.GROUP, group=2))
)


@pytest.mark.parametrize(
    ("tile", "plan", "problem"),
    [
        (NOISY, GROUPED, "its weights have scales for groups of 2 rows, and a column of a tile adds all its"),
        (IDEAL, "fp16", "multiplies fp16, which has no full scale; a tile takes them with input.scaling: largest"),
        (AnalogTile(input=InputConversion(signed=False, range=(0, 1))), "w8a8", "multiplies int8, on tiles whose"),
    ],
)  # fmt: skip
def test_what_a_tile_cannot_multiply_is_refused(tile: AnalogTile, plan: Any, problem: str) -> None:
    work = load_workload("mlperf_rnnt") if isinstance(plan, PrecisionPlan) else tiny(plan)
    if isinstance(plan, PrecisionPlan):
        work = workload(recipe_of(work), plan)
    with pytest.raises(Unsupported, match=problem):
        standings(analog_chip(tile), work.program)


def test_only_products_of_weights_that_stay_can_be_placed() -> None:
    work, chip = tiny(), analog_chip(NOISY)
    with pytest.raises(Unsupported, match=r"encoder.0.forward.gates: stands on no tile; only products of weights"):
        standings(chip, work.program, {"encoder.0.forward.gates"})
    with pytest.raises(UnknownName, match=r"unknown op 'encoder\.9'"):
        standings(chip, work.program, {"encoder.9"})


def test_other_weights_under_the_same_op_are_refused() -> None:
    work = tiny()
    products, _ = on_tiles(analog_chip(IDEAL), work)
    op, act = "encoder.1.forward.recurrent", np.ones((2, 5), np.int8)
    for again in (False, True):
        weights = Weights.of(np.ones((5, 20), np.int8), Precision.INT8)
        if again:
            with pytest.raises(Unsupported, match="multiplies by other weights than before"):
                products.product(op, act, Precision.INT8, weights)
        else:
            assert (products.product(op, act, Precision.INT8, weights).out == 5).all()


def test_ranges_need_samples() -> None:
    products, _ = on_tiles(analog_chip(replace(NOISY, device=Device(model=Preset.PCM))), tiny())
    weights = Weights.of(np.ones((5, 20), np.int8), Precision.INT8)
    with pytest.raises(Unsupported, match="did not run on the samples"):
        products.product("encoder.1.forward.recurrent", np.ones((1, 5), np.int8), Precision.INT8, weights)


def test_converters_of_many_bits_are_nearly_exact(tmp_path: Path) -> None:
    """Calibrated on the exact run: no sum is further off than two steps of its range."""
    tile = replace(IDEAL, adc=Adc(bits=20, range=Range.CALIBRATED, per=(Axis.TILE,), quantile=1.0))
    work = tiny()
    products, sampled = on_tiles(analog_chip(tile), work)
    assert_same(
        values(work, tmp_path / "tiles", products, calibrating=sampled),
        values(work, tmp_path / "exact", ExactProducts()),
    )
