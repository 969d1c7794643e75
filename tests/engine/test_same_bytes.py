"""Same seed, same bytes: every array that a trace would hold, for any split of a batch and any number of threads."""

from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from engine.test_values import ALSD, TSD, given_to, tiny_rnnt
from hwsim.engine.values import recurrent
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import Given, grids_of, run_floats, run_integers
from hwsim.engine.values.tensor_store import index_tensors
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.conformer import ChunkedAttention, Conformer, ConformerEncoder, CtcHead
from hwsim.models.model_file import ModelFileRecipe
from hwsim.models.staged import Models
from hwsim.models.tdnnf import FactoredEncoder, FactoredLayer, Outputs, Tdnnf
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.measured import Sources
from hwsim.study.values import as_searched, prepared, run_values
from hwsim.tensor import chain, single, tiles
from hwsim.tensor.backend import ExactProducts
from strategies.recipes import DYNAMIC, MS

BATCH = 4
SPLITS = [(1, 3), (2, 2)]
Seen = dict[tuple[str, str], list[np.ndarray[Any, Any]]]


def conformer(streaming: ChunkedAttention | None = None) -> Conformer:
    encoder = ConformerEncoder(mels=9, frame=10 * MS, layers=1, size=6, heads=3, kernel=3)
    return Conformer(name="c", audio=250 * MS, batch=BATCH, encoder=encoder, decoder=CtcHead(outputs=5),
                     streaming=streaming)  # fmt: skip


TDNNF = Tdnnf(
    name="t",
    audio=90 * MS,
    batch=BATCH,
    encoder=FactoredEncoder(features=5, frame=10 * MS, splice=1, ivector=3, size=6, subsampling=3,
                            layers=(FactoredLayer(stride=1, bottleneck=4), FactoredLayer(stride=3, bottleneck=4))),
    outputs=Outputs(bottleneck=3, states=7),
)  # fmt: skip
STREAMED = conformer(ChunkedAttention(chunk=80 * MS, left_context=80 * MS, look_ahead=40 * MS))


def everything(
    work: Workload, given: Given, found: QuantParamsTable
) -> tuple[Seen, tuple[tuple[int, ...], ...] | None]:
    """All that a trace is told of, by op and array, and the symbols."""
    seen: Seen = defaultdict(list)

    def see(op: Op, name: str, values: np.ndarray[Any, Any], runs: int = 1) -> None:
        seen[op.name, name].extend(values.copy() if runs > 1 else [values.copy()])

    done = run_integers(work, given, found, ExactProducts(2), seen=see)
    return seen, None if done.decoded is None else done.decoded.symbols


def searching(nodes: tuple[Node, ...], inside: bool = False) -> set[str]:
    """The ops of a search: how often they run depends on all utterances of a batch."""
    found = set()
    for node in nodes:
        if isinstance(node, Loop):
            found |= searching(node.body, inside or node.name.startswith("search."))
        elif inside:
            found.add(node.name)
    return found


def of_utterances(whole: np.ndarray[Any, Any], part: np.ndarray[Any, Any], first: int, size: int) -> Any:
    """Those entries of a batch's array that belong to some utterances, in the layout of the array of these alone.

    The batch lies along one axis, alone, before frames or heads (utterance after utterance), or behind them.
    """
    axis = batch_axis(whole, part)
    if axis is None:
        yield whole  # the same for all utterances
        return
    inner = whole.shape[axis] // BATCH
    assert part.shape[axis] == inner * size
    for shape, place in (((BATCH, inner), axis), ((inner, BATCH), axis + 1)):
        split = whole.reshape(*whole.shape[:axis], *shape, *whole.shape[axis + 1 :])
        yield np.take(split, range(first, first + size), axis=place).reshape(part.shape)


def rows(arrays: list[np.ndarray[Any, Any]], axis: int | None) -> set[bytes]:
    """What there is along the axis of a batch, or the arrays as they are."""
    if axis is None:
        return {array.tobytes() for array in arrays}
    return {row.tobytes() for array in arrays for row in np.moveaxis(array, axis, 0)}


def batch_axis(whole: np.ndarray[Any, Any], part: np.ndarray[Any, Any]) -> int | None:
    """The axis along which the arrays of a batch and of a part of it differ."""
    differing = [axis for axis, (w, p) in enumerate(zip(whole.shape, part.shape, strict=True)) if w != p]
    assert len(differing) <= 1
    return differing[0] if differing else None


def sliced(name: str, values: np.ndarray[Any, Any], first: int, size: int) -> np.ndarray[Any, Any]:
    axis = next((a for a, length in enumerate(values.shape[:2]) if length == BATCH), None)
    return values if axis is None else np.ascontiguousarray(np.take(values, range(first, first + size), axis))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [tiny_rnnt(7, batch=BATCH), tiny_rnnt(7, batch=BATCH, decoding=ALSD),
                                    tiny_rnnt(7, batch=BATCH, decoding=TSD), conformer(), STREAMED, TDNNF],
                         ids=["rnnt", "alsd", "tsd", "conformer", "streamed", "tdnnf"])  # fmt: skip
@pytest.mark.parametrize("precision", ["w4a4", "w4a16", DYNAMIC], ids=["w4a4", "w4a16", "dynamic"])
def test_every_traced_array_of_an_utterance_is_the_same_in_any_batch(
    recipe: AnyRecipe, precision: str | PrecisionPlan
) -> None:
    """With the scales of the whole batch; results of a search by rows, since the longest utterance ends it."""
    whole = as_searched(workload(recipe, precision))
    parameters, inputs = given_to(whole)
    all_of_it = Given(parameters=parameters, inputs=inputs, most_symbols=2)
    with TemporaryDirectory() as folder:
        found = grids_of(whole, all_of_it, run_floats(whole, all_of_it, Path(folder), ExactProducts()))
    together, symbols = everything(whole, all_of_it, found)
    places, search = index_tensors(whole.program), searching(whole.program.body)
    compared = 0
    assert not isinstance(recipe, ModelFileRecipe | Models)
    for split in SPLITS:
        first = 0
        for size in split:
            own = as_searched(workload(replace(recipe, batch=size), precision))
            drawn = {name: sliced(name, values, first, size) for name, values in inputs.items()}
            mine, alone = everything(own, Given(parameters=parameters, inputs=drawn, most_symbols=2), found)
            assert mine.keys() == together.keys()
            for key, arrays in mine.items():
                op, name = key
                if name in places:
                    continue  # where an utterance lies in the batch
                compared += 1
                if op in search:
                    axis = batch_axis(together[key][0], arrays[0])
                    assert rows(arrays, axis) <= rows(together[key], axis), key
                    continue
                assert len(arrays) == len(together[key]), key
                for part, joint in zip(arrays, together[key], strict=True):
                    wanted = part.tobytes()
                    assert any(ours.tobytes() == wanted for ours in of_utterances(joint, part, first, size)), key
            if symbols is not None:
                assert alone == symbols[first : first + size]
            first += size
    assert compared > 40


@pytest.mark.parametrize("recipe", [tiny_rnnt(7, batch=3, decoding=ALSD), conformer(), TDNNF],
                         ids=["alsd", "conformer", "tdnnf"])  # fmt: skip
def test_one_thread_and_three_write_the_same_bytes(
    recipe: AnyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all work is shared out that can be."""
    for room in (chain, tiles, single):
        monkeypatch.setattr(room, "_SMALL", 0)
    monkeypatch.setattr(recurrent, "_LEAST_TIMES", 1)
    work, own, written = workload(recipe, "w4a8"), Sources(seed=5), []
    for threads in (1, 3):
        path = tmp_path / f"{threads}.npz"
        monkeypatch.setattr("os.cpu_count", lambda threads=threads: threads)
        with path.open("wb") as file:
            quality = run_values(prepared(work, own), own, write=partial(_into, file))
        written.append((path.read_bytes(), quality))
    assert written[0] == written[1]


def _into(file: Any, writer: Any) -> None:
    writer(file)
