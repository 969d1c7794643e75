"""The example that trains through hwsim's quantisers: its arithmetic, its grids, its gradients, and what it shipped."""

import math
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import printed
from data import ROOT
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.inputs.files import Kind, shipped_file
from hwsim.inputs.load import open_workload
from hwsim.inputs.weights import read_parameters
from hwsim.quantities.precision import Precision
from hwsim.quantities.quantisation import Granularity, Scaling, WeightQuantiser
from hwsim.study.recognise import run as recognising
from hwsim.study.recognise.network import scales_of
from hwsim.study.recognise.run import Request, recognise
from hwsim.study.recognise.session import Asked
from hwsim.tensor.quant_params import even
from hwsim.tensor.quantise import weight_grid

Array = np.ndarray[Any, Any]
FOLDER = ROOT / "examples" / "train"
WORDS = shipped_file(Kind.WORKLOAD, "words_rnnt").parent
PAGE = (ROOT / "docs" / "recognise.md").read_text()
NAMES = (
    "nearest", "grids", "straight_through", "recurrence", "stretching", "utterances", "network", "loss", "distillation",
)  # fmt: skip


@pytest.fixture(scope="module")
def example() -> Iterator[None]:
    """The example's modules can be imported, and nobody else finds them afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield
    for name in NAMES:
        sys.modules.pop(name, None)


@given(
    values=st.lists(st.floats(-40, 40, width=32), min_size=1, max_size=40),
    halves=st.lists(st.integers(-20, 20), max_size=20),
    scale=st.floats(2**-10, 8, width=32),
    precision=st.sampled_from([Precision.INT2, Precision.INT4, Precision.INT8]),
)
@pytest.mark.usefixtures("example")
def test_training_computes_what_hwsims_integers_stand_for(
    values: list[float], halves: list[int], scale: float, precision: Precision
) -> None:
    """Bit for bit, ties and clipped values among them."""
    params, arithmetic = even(precision, scale), import_module("nearest")
    drawn = np.array([*values, *(half * scale / 2 for half in halves)], np.float32)
    found = arithmetic.nearest(drawn, params.scale, params.highest)
    assert found.dtype == np.float32
    assert (found == params.real(params.quantised(drawn))).all()
    steps, passed = np.abs(drawn / params.scale), arithmetic.passes(drawn, params.scale, params.highest)
    assert passed[steps <= params.highest].all()
    assert not passed[steps >= params.highest + 1].any()


def trained_parameters() -> dict[str, Array]:
    work = open_workload("words_rnnt", None, {}).value
    return read_parameters(WORDS / "weights.w4a4.safetensors", work.trained)[0]


@pytest.mark.usefixtures("example")
def test_the_grids_of_training_are_those_of_the_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the integers of the last step are those that `w4a4:trained` multiplies."""
    found: list[QuantParamsTable] = []

    def kept(*arguments: Any) -> QuantParamsTable:
        found.append(scales_of(*arguments))
        return found[-1]

    monkeypatch.setattr(recognising, "scales_of", kept)
    asked = Asked(arch="int4_array", workload="words_rnnt", trained=("w4a4",))
    recognise(asked, Request(precisions=("w4a4:trained",), buckets=0))
    quantisers, parameters = import_module("grids").Quantisers.of("w4a4"), trained_parameters()
    own = {**quantisers.of_activations(parameters), **quantisers.of_weights(parameters)}
    (table,) = found
    narrow = {name for name, params in table.tensors.items() if params.precision is Precision.INT4}
    assert set(own) == narrow
    for name, params in own.items():
        assert params.scale.tobytes() == table.tensors[name].scale.tobytes()
        assert (params.highest, params.offset) == (7, 0)


def test_weights_that_lie_on_their_grid_would_not_find_it_again() -> None:
    """Why the floats behind the integers are stored."""
    weight = trained_parameters()["encoder.1.forward.recurrent.weight"]
    scaling = Scaling(granularity=Granularity.CHANNEL)
    grid = weight_grid(weight, Precision.INT4, scaling, WeightQuantiser())
    integers = grid.quantised(weight)
    again = weight_grid(grid.real(integers), Precision.INT4, scaling, WeightQuantiser())
    assert (again.quantised(grid.real(integers)) != integers).any()


def test_shipped_runs_hear_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The table of the shipped utterances, as `hwsim recognise int4_array words_rnnt` prints it."""
    shown = printed(capsys, "recognise", "int4_array", "words_rnnt", "--buckets", "0")[0]
    section = PAGE.partition("## Four bits after training")[2].partition("\n## ")[0]
    row = r"^\| `?(fp32|w8a8|w4a4|w4a4:trained)`? \| ([\d,]+/[\d,]+ [\d.]+ %)"
    told = dict(re.findall(row, section, re.MULTILINE)[:4])
    printed_rates = dict(re.findall(r"^(\S+) +([\d,]+/[\d,]+ [\d.]+ %)", shown, re.MULTILINE))
    assert list(told) == ["fp32", "w8a8", "w4a4", "w4a4:trained"]
    assert told == {name: rate for name, rate in printed_rates.items() if name in told}


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("highest", [7, None])
def test_gradients_of_the_loop_are_those_that_torch_finds(highest: int | None) -> None:
    torch = pytest.importorskip("torch")
    straight, recurrence = import_module("straight_through"), import_module("recurrence")
    grid = None if highest is None else straight.Grid(torch.tensor(0.02, dtype=torch.float64), highest)
    drawn = torch.Generator().manual_seed(3)

    def tensor(*shape: int) -> Any:
        return torch.randn(*shape, generator=drawn, dtype=torch.float64, requires_grad=True)

    sums, weight, into = tensor(7, 3, 20), tensor(5, 20), tensor(7, 3, 5)

    def step_by_step() -> Any:
        hidden = cell = torch.zeros(3, 5, dtype=torch.float64)
        states = []
        for at in sums:
            i, f, g, o = (at + hidden @ weight).split(5, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = straight.rounded_activations(o.sigmoid() * cell.tanh(), grid)
            states.append(hidden)
        return torch.stack(states)

    found, expected = recurrence.hidden_states(sums, weight, grid), step_by_step()
    assert torch.allclose(found, expected, atol=1e-12)
    of_found, of_expected = (torch.autograd.grad((states * into).sum(), (sums, weight)) for states in (found, expected))
    for one, other in zip(of_found, of_expected, strict=True):
        assert torch.allclose(one, other, atol=1e-12)
        assert one.abs().max() > 0


@pytest.mark.usefixtures("example")
def test_another_voice_has_its_bands_elsewhere_and_its_own_tempo() -> None:
    """Each band holds what stood at so many times its frequency; the first and the last frame stay."""
    stretching, bands, count = import_module("stretching"), 80, 50
    mels = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700), bands + 2)[1:-1]
    rows = np.arange(count, dtype=np.float32)[:, None]
    for seed in range(8):
        drawn = Random(seed)
        mouth, tempo = (np.exp(drawn.uniform(-0.15, 0.15)) for _ in range(2))
        found = stretching.of_another_voice((rows + mels / 10).astype(np.float32), Random(seed))
        wanted = 1127 * np.log1p(mouth * np.expm1(mels / 1127))
        along = np.linspace(0, count - 1, round(tempo * count))
        assert len(found) != count
        assert np.allclose(found, along[:, None] + np.clip(wanted, mels[0], mels[-1]) / 10, atol=1e-3)


def alignments(symbols: list[int], frames: int) -> Iterator[list[tuple[int, int, int]]]:
    """All ways through a lattice, as (frame, symbols before, output) of each step."""

    def onward(t: int, u: int) -> Iterator[list[tuple[int, int, int]]]:
        if t == frames:
            if u == len(symbols):
                yield []
            return
        for rest in onward(t + 1, u):
            yield [(t, u, 0), *rest]
        if u < len(symbols):
            for rest in onward(t, u + 1):
                yield [(t, u, symbols[u]), *rest]

    return onward(0, 0)


@pytest.mark.usefixtures("example")
def test_losses_are_what_all_alignments_one_by_one_give() -> None:
    """The transducer's, and the divergence from the teacher's outputs along its alignments."""
    torch = pytest.importorskip("torch")
    loss, distillation, network, utterances = map(import_module, ("loss", "distillation", "network", "utterances"))
    drawn = torch.Generator().manual_seed(5)
    symbols, frames, lengths = [[2, 1, 1], [3, 0, 0]], [4, 3], [3, 1]
    teacher, student = (
        network.Lattice(
            torch.randn(2, 4, 6, generator=drawn, dtype=torch.float64),
            torch.randn(2, 4, 4, 5, generator=drawn, dtype=torch.float64).log_softmax(-1),
        )
        for _ in range(2)
    )
    batch = utterances.Batch(torch.zeros(0), *map(torch.tensor, (symbols, frames, lengths)))
    found = distillation.divergence(teacher, student, batch)
    losses = loss.transducer_loss(teacher.logs, batch.symbols, batch.frames, batch.lengths)
    for place, (wanted, count, length) in enumerate(zip(symbols, frames, lengths, strict=True)):
        own, other = (lattice.logs[place].numpy() for lattice in (teacher, student))
        apart = (np.exp(own) * (own - other)).sum(-1)
        ways = list(alignments(wanted[:length], count))
        chances = [np.exp(sum(own[step] for step in way)) for way in ways]
        along = [sum(apart[t, u] for t, u, _ in way) for way in ways]
        assert len(ways) == math.comb(count - 1 + length, length)
        assert float(losses[place]) == pytest.approx(-np.log(sum(chances)), rel=1e-12)
        assert float(found[place]) == pytest.approx(np.dot(chances, along) / sum(chances), rel=1e-12)
    assert torch.equal(distillation.divergence(teacher, teacher, batch), torch.zeros(2, dtype=torch.float64))
