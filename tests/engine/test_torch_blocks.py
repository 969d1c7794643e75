"""Float results agree with PyTorch to 1e-5: with recorded outputs always, with live ones where it is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from hwsim.engine.decode.decoder import Steering, search_of
from hwsim.engine.values.floats import FloatOps
from hwsim.engine.values.walk import run_program
from hwsim.ir.ops import Op
from hwsim.tensor.backend import ExactProducts
from witnesses.torch_blocks import MOST_SYMBOLS, NETWORKS, RECORD, by_torch, made

Arrays = dict[str, np.ndarray[Any, Any]]


@contextmanager
def recorded(name: str) -> Iterator[tuple[Arrays, Arrays, Arrays]]:
    """Parameters, inputs and outputs of a network."""
    with np.load(RECORD) as file:
        kinds = ("parameter", "input", "output")
        starts = [f"{name}/{kind}/" for kind in kinds]
        parts = [{key.removeprefix(s): file[key] for key in file.files if key.startswith(s)} for s in starts]
        yield parts[0], parts[1], parts[2]


def by_hwsim(name: str, parameters: Arrays, inputs: Arrays) -> Arrays:
    """Every tensor that the ops of a network write, by its name, and what the search found."""
    work = NETWORKS[name]
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    tensors = {tensor.name: tensor.shape for tensor in work.program.tensors}

    def see(op: Op, tensor: str, values: np.ndarray[Any, Any]) -> None:
        if tensor in tensors:
            found.setdefault(tensor, []).append(np.array(values))

    ops = FloatOps(work.program, parameters, ExactProducts(), see)
    search, memory = search_of(work, ops.run, Steering(most_symbols=MOST_SYMBOLS)), ops.memory(inputs)
    memory.forget = lambda names: None  # type: ignore[method-assign]
    run_program(work.program, memory, ops.run, search)
    arrays = {tensor: np.stack(values) for tensor, values in found.items()}
    arrays |= {tensor: memory[tensor] for tensor in found if not tensor.startswith("joint.scores")}
    decoded = search.decoded()
    if decoded is not None:
        arrays |= {f"symbols.{place}": np.array(symbols) for place, symbols in enumerate(decoded.symbols)}
    return arrays


def assert_close(found: Arrays, outputs: Arrays) -> None:
    for name, wanted in outputs.items():
        if name.startswith("joint.scores."):
            continue
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", NETWORKS)
def test_floats_agree_with_recorded_torch(name: str) -> None:
    with recorded(name) as (parameters, inputs, outputs):
        found = by_hwsim(name, parameters, inputs)
        assert max(float(np.abs(values).max()) for values in outputs.values()) > 0.1
        assert_close(found, outputs)


def test_scores_of_the_search_agree_with_recorded_torch() -> None:
    """Utterances run abreast: each one's evaluations are the first rows of all steps, and it stops when it is done."""
    with recorded("rnnt") as (parameters, inputs, outputs):
        scores = by_hwsim("rnnt", parameters, inputs)["joint.scores"].reshape(-1, 2, 5)
        for utterance in range(2):
            wanted = outputs[f"joint.scores.{utterance}"]
            np.testing.assert_allclose(scores[: len(wanted), utterance], wanted, rtol=0, atol=1e-5)
            assert len(outputs[f"symbols.{utterance}"]) > 0


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", NETWORKS)
def test_floats_agree_with_live_torch(name: str) -> None:
    parameters, inputs = made(name)
    assert_close(by_hwsim(name, parameters, inputs), by_torch(name, parameters, inputs))
