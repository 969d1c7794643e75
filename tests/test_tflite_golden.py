"""A network that other people trained and quantised, held against TensorFlow Lite's reference kernels, bit for bit.

`HWSIM_TFLITE_CASES=DIR` runs the same on `DIR/NAME.tflite` beside `NAME_in.npz`, `NAME_out.npz` and `NAME_ops.npz`.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.load import open_workload
from hwsim.ir.nodes import Loop
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.simulate import simulate
from hwsim.study.values import prepared, run_values
from hwsim.tensor.carried import Carried

FOLDER = Path(os.environ.get("HWSIM_TFLITE_CASES") or Path(__file__).parent / "data" / "tflite")
NETWORKS = sorted(path.stem for path in FOLDER.glob("*.tflite") if (FOLDER / f"{path.stem}_ops.npz").exists())
RUNS = [(name, sound) for name in NETWORKS for sound in np.load(FOLDER / f"{name}_in.npz").files]
RECORDED = "said_rms"
"""The sound whose operators were recorded."""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], dict[str, Any]]:
    """The trace of a network on a sound, made once; the sound says how many invocations there are."""

    @cache
    def trace(name: str, sound: str) -> dict[str, Any]:
        work = open_workload(FOLDER / f"{name}.tflite").value
        carried, folder = work.carried, tmp_path_factory.mktemp("trace")
        assert isinstance(carried, Carried)
        with np.load(FOLDER / f"{name}_in.npz") as sounds:
            np.savez(folder / "in.npz", **{carried.inputs[0].name: sounds[sound]})
        sources = Sources(input=folder / "in.npz", weights=None, seed=0, packed=False)
        run_values(prepared(work, sources), sources, write=lambda writer: write_binary(folder / "T.npz", writer))
        with np.load(folder / "T.npz") as arrays:
            return dict(arrays)

    return trace


@pytest.mark.parametrize(("name", "sound"), RUNS)
def test_outputs_of_all_invocations(name: str, sound: str, traced: Callable[..., dict[str, Any]]) -> None:
    trace = traced(name, sound)
    (key,) = (key for key in trace if key.startswith("out_") and not key.endswith(("_scale", "_zero")))
    with np.load(FOLDER / f"{name}_out.npz") as outputs:
        assert np.array_equal(trace[key].reshape(-1), outputs[sound])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_product_of_every_invocation(name: str, traced: Callable[..., dict[str, Any]]) -> None:
    trace, held = traced(name, RECORDED), 0
    with np.load(FOLDER / f"{name}_ops.npz") as recorded:
        for key in recorded.files:
            _, what = key.rsplit("/", 1)
            if what in ("act", "out"):
                assert np.array_equal(trace[key].reshape(-1), recorded[key].reshape(-1)), key
                held += 1
            elif what == "weight":
                assert sorted(trace[key].reshape(-1)) == sorted(recorded[key].reshape(-1)), key
            elif what in ("act_zero", "out_zero", "act_scale", "out_scale"):
                assert trace[key] == recorded[key], key
        assert held == 2 * len({key.split("/")[0] for key in recorded.files})


@pytest.mark.parametrize("name", NETWORKS)
def test_the_model_in_floats_says_nearly_the_same(name: str) -> None:
    work = open_workload(FOLDER / f"{name}.tflite").value
    sources = Sources(input=None, weights=None, seed=0, packed=False)
    quality = run_values(prepared(work, sources), sources)
    first = next(op for op in quality.ops if op.name.endswith("conv_2d"))
    assert first.sqnr_db is not None
    assert first.sqnr_db > 20


def nabu(frames: int = 1) -> Workload:
    file = Path(__file__).parent / "data" / "tflite" / "okay_nabu.tflite"
    return open_workload(file, dimensions={"frames": frames}).value


def test_a_run_counts_all_invocations() -> None:
    from hwsim.inputs.chips import load_chip

    one, ten = nabu(), nabu(10)
    loops = [node for node in ten.program.body if isinstance(node, Loop)]
    assert [(loop.name, loop.times) for loop in loops] == [("invocations", 10)]
    assert ten.program.macs == 10 * one.program.macs
    first, all_of_them = (simulate(load_chip("int4_array"), work).summary for work in (one, ten))
    assert all_of_them.macs == 10 * first.macs
    assert 5 * first.cycles < all_of_them.cycles <= 10 * first.cycles


def test_variables_are_states_and_all_numbers_of_the_file_are_there() -> None:
    work = nabu()
    states = [tensor for tensor in work.program.tensors if tensor.role is Role.STATE]
    assert len(states) == 6
    assert work.program.parameters == 37_185
    assert work.stated == "int8"
