"""What is heard on analog tiles: a function of the utterance and the devices, and exact where tiles are ideal."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.engine.standing import standings
from hwsim.errors import InvalidValue, Unsupported, UserError
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.conversion import Adc, Axis, InputConversion, Range, Scaling
from hwsim.hardware.analog.curves import polynomial
from hwsim.hardware.analog.device import Device, DeviceModel
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.wires import ClosedForm
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_analog_chip
from hwsim.models.catalogue import workload
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.quantities.precision import Precision
from hwsim.report.recognition import front_of
from hwsim.results.measured import Sources
from hwsim.results.recognition import Recognitions
from hwsim.results.sweep_file import SweepAxis
from hwsim.study.on_tiles import run_values_on_tiles
from hwsim.study.recognise.lots import lot_of
from hwsim.study.recognise.network import Network, scales_of
from hwsim.study.recognise.opened import opened
from hwsim.study.recognise.run import Request, recognise
from hwsim.study.recognise.session import Session, open_session
from hwsim.study.recognise.store import HeardLot
from hwsim.study.recognise.tiles import first_vector, products_on, samples_of
from hwsim.study.recognise.variants import Aged, Variant, variants_of
from hwsim.study.recognise.workers import Ears, Scales
from hwsim.study.values import Prepared
from hwsim.tensor.analog.draws import LARGEST_SEED
from hwsim.tensor.analog.network import TileProducts, Tiles
from hwsim.tensor.weights import Weights
from study.test_recognise import asked, some

SHORT = ("held_208", "human_cards_001")
WEEK = Fraction(7 * 86_400)
PHASES = load_analog_chip("analog_pcm").array.phases
IDEAL = AnalogTile(input=InputConversion(bits=16), phases=PHASES)
NOISY = DeviceModel(
    white=0.02, programming=polynomial(0.3), characterised_at=Device().g_max, drift_mean=polynomial(0.05)
)
READ = AnalogTile(
    device=Device(custom=NOISY),
    input=InputConversion(scaling=Scaling.LARGEST),
    adc=Adc(bits=8, range=Range.CALIBRATED, per=(Axis.TILE, Axis.COLUMN)),
    phases=PHASES,
)


def on(tile: AnalogTile) -> AnalogChip:
    return replace(load_analog_chip("analog_pcm"), array=tile, dense=(), digital=())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some(tmp_path_factory.mktemp("some"), SHORT)


def session_on(folder: Path, chip: Chip | AnalogChip) -> Session:
    return replace(open_session(asked(folder)), chips=(chip,))


def scales_on(ears: Ears, variant: Variant) -> Scales:
    session, work, chip = ears.session, ears.work("w8a8"), ears.chip(variant)
    lots = [lot_of(session.data, [one], work, ears.parameters("w8a8")) for one in session.data.utterances]
    table = scales_of(work, ears.parameters("w8a8"), lots, 1)
    return Scales(table, {} if isinstance(chip, Chip) else samples_of(chip, work, table, lots, 1))


def heard(ears: Ears, variant: Variant, names: tuple[str, ...] = SHORT) -> dict[str, tuple[str, ...]]:
    scales, by_name = scales_on(ears, variant), {one.name: one for one in ears.session.data.utterances}
    return {name: ears.hear(variant, scales, [by_name[name]], "w8a8").utterances[0].tokens for name in names}


def test_ideal_tiles_hear_what_exact_integers_hear(folder: Path) -> None:
    exact = open_session(asked(folder))
    for name, tokens in heard(Ears(session_on(folder, on(IDEAL)), 1), Variant("w8a8")).items():
        assert tokens == heard(Ears(exact, 1), Variant("w8a8"))[name]


def test_wires_that_lose_voltage_are_a_field_like_any_other(folder: Path) -> None:
    ears = Ears(session_on(folder, on(replace(IDEAL, wires=ClosedForm(strength=0.0)))), 1)
    work, axis = ears.work("w8a8"), SweepAxis(fields="array.wires.strength", values=(0.0, 1000.0))
    none, much = variants_of(ears.session.chips, work, ("w8a8",), [axis], (False,))
    exact = heard(Ears(open_session(asked(folder)), 1), Variant("w8a8"), SHORT[:1])
    assert heard(ears, none, SHORT[:1]) == exact
    assert heard(ears, much, SHORT[:1]) != exact


def test_an_utterance_is_heard_as_it_is_alone_whatever_was_heard_before(folder: Path) -> None:
    """Down to the sums of products, with noise in each reading."""
    chip = on(READ)
    kept: list[tuple[HeardLot, dict[tuple[str, int], int]]] = []
    for names in (SHORT, SHORT[1:]):
        ears, variant = Ears(session_on(folder, chip), 1), Variant("w8a8")
        by_name = {one.name: one for one in ears.session.data.utterances}
        scales = scales_on(ears, variant)
        for name in names:
            lot = ears.hear(variant, scales, [by_name[name]], "w8a8")
            products = ears._networks[variant].products
            assert isinstance(products, TileProducts)
            begun = first_vector(by_name[name].line)
            last = {place: running.next - begun for place, running in products.running.items()}
        kept.append((lot, last))
    assert kept[0] == kept[1]
    assert min(kept[0][1].values()) > 0


@pytest.mark.slow
def test_workers_hear_on_tiles_what_one_process_hears(folder: Path) -> None:
    request = Request(precisions=("w8a8",), buckets=0)
    here, elsewhere = (
        recognise(asked(folder, arch="analog_pcm"), replace(request, workers=workers)) for workers in (1, 2)
    )
    assert here == elsewhere


def test_vectors_that_begin_anew_are_those_of_their_numbers() -> None:
    """What is drawn depends on the number of a vector: not on how many there were, but on where they begin."""
    work = workload(Gemms(name="one", products=(GemmSize(name="only", m=4, k=6, n=5),)), "w8a8")
    rng = np.random.default_rng(1)
    weights = Weights.of(rng.integers(-99, 99, (6, 5)).astype(np.int8), Precision.INT8)
    act = rng.integers(-99, 99, (4, 6)).astype(np.int8)
    standing = standings(on(replace(READ, adc=None)), work.program)
    (op,) = standing

    def fresh() -> TileProducts:
        return TileProducts("x", Tiles(standing, 5, {}))

    products = fresh()
    first = products.product(op, act, Precision.INT8, weights).out
    went_on = products.product(op, act, Precision.INT8, weights).out
    products.begin(0)
    again = products.product(op, act, Precision.INT8, weights).out
    later = fresh()
    later.begin(4)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(went_on, later.product(op, act, Precision.INT8, weights).out)
    assert (first != went_on).any()


def test_words_are_those_of_a_run_of_values_on_the_same_tiles(folder: Path) -> None:
    """The slow way: the float run, the exact one, and the one on tiles, of one utterance, for its symbols."""
    steady = replace(READ, adc=None, device=Device(custom=replace(NOISY, white=0.0)))
    session = session_on(folder, on(steady))
    ears, variant = Ears(session, 1), Variant("w8a8", age=WEEK, compensation="global")
    one, work = session.data.utterances[0], ears.work("w8a8")
    lot = lot_of(session.data, [one], work, ears.parameters("w8a8"))
    table = scales_of(work, ears.parameters("w8a8"), [lot], 1)
    chip = ears.chip(variant)
    assert isinstance(chip, AnalogChip)
    products = products_on(chip, work, variant, {}, 1)
    products.cells = True
    (outcome,) = Network(table, products).run(lot)
    ready = Prepared(lot.work, lot.work, lot.given, {})
    sources = Sources(weights=folder, input=folder)
    values = run_values_on_tiles(ready, sources, chip, seconds=float(WEEK), compensation="global")
    assert values.quality.decoded is not None
    assert outcome.symbols == values.quality.decoded.symbols[0]
    assert products.cells_per_vector().keys() == values.cells_per_vector_aj.keys()


def test_drawn_devices_hear_what_each_seed_hears_by_itself(folder: Path, tmp_path: Path) -> None:
    request = Request(precisions=("fp32", "w8a8"), aged=Aged((WEEK,)), buckets=1)
    several = recognise(asked(folder, arch="analog_pcm", devices=4), replace(request, draws=2, out=tmp_path))
    exact, drawn = several.runs
    assert (exact.draws, len(exact.utterances)) == ((), len(SHORT))
    assert len(drawn.utterances) == 2 * len(SHORT)
    for place, seed in enumerate((4, 5)):
        (alone,) = recognise(
            asked(folder, arch="analog_pcm", devices=seed), replace(request, precisions=("w8a8",))
        ).runs
        mine = [one for one in drawn.utterances if one.devices == seed]
        assert [replace(one, devices=None) for one in mine] == list(alone.utterances)
        assert drawn.draws[place].rate == alone.rate.rate
        assert place > 0 or drawn.cost == alone.cost
        assert drawn.audio_seconds == alone.audio_seconds
    assert drawn.rate.rate == (drawn.draws[0].rate + drawn.draws[1].rate) / 2
    again = replace(request, draws=2, out=tmp_path, resume=True)
    assert recognise(asked(folder, arch="analog_pcm", devices=4), again) == several


def test_devices_are_drawn_of_analog_tiles_alone(folder: Path) -> None:
    with pytest.raises(InvalidValue, match="--draws = 2: are of devices of analog tiles, of which none"):
        recognise(asked(folder), Request(precisions=("w8a8",), draws=2))


def test_drift_and_converters_are_varied(tmp_path: Path) -> None:
    names = ("held_248", "held_208", "held_000", "human_cards_001")
    request = Request(
        precisions=("fp32", "w8a8"),
        axes=(SweepAxis(fields="array.adc.bits", values=(3, 8)),),
        aged=Aged((Fraction(0), WEEK), ("none",)),
        buckets=0,
    )
    found = recognise(asked(some(tmp_path, names), arch="analog_pcm"), request)
    assert [run.label for run in found.runs] == [
        "fp32", "w8a8, 3, none, 0 s", "w8a8, 3, none, 604800 s", "w8a8, 8, none, 0 s", "w8a8, 8, none, 604800 s",
    ]  # fmt: skip
    coarse, fine = found.runs[1], found.runs[3]
    assert coarse.rate.rate > fine.rate.rate
    assert fine.accumulators == "analog tiles of analog_pcm"
    with pytest.raises(Unsupported, match=r"adc: has no price for 3 bits.*--buckets 0 leaves time and energy out"):
        recognise(asked(tmp_path, arch="analog_pcm"), replace(request, buckets=1))


def test_a_run_that_is_opened_costs_what_the_recognition_says(tmp_path: Path) -> None:
    folder = some(tmp_path, SHORT[:1])
    both = asked(folder, beside=("analog_pcm",))
    request = Request(precisions=("fp32", "w8a8"), buckets=1)
    found = recognise(both, request)
    assert [(run.chip, run.label) for run in found.runs[1:]] == [
        ("int4_array", "w8a8, int4_array"), ("analog_pcm", "w8a8, analog_pcm"),
    ]  # fmt: skip
    for row, run in enumerate(found.runs[1:], 2):
        said, result = opened(both, request, row)
        assert said == run
        assert run.cost is not None
        assert (result.summary.energy_aj, result.summary.chip) == (run.cost.energy_aj, run.chip)
    for number, problem in ((1, "runs on no chip"), (4, "from 1 to 3")):
        with pytest.raises(InvalidValue, match=problem):
            opened(both, request, number)
    with pytest.raises(UserError, match="held_208"):
        opened(both, request, 2, "held_20")


def test_the_front_is_what_no_other_run_beats(tmp_path: Path) -> None:
    found = recognise(asked(some(tmp_path, SHORT[:1])), Request(precisions=("fp32", "w8a8", "w4a8"), buckets=1))

    def run(label: str, errors: float, energy: float) -> Any:
        one = found.runs[1]
        assert one.cost is not None
        rates = (replace(one.rates[0], rate=errors),)
        cost = replace(one.cost, energy_per_audio_second_mj=energy)
        return replace(one, precision=label, rates=rates, cost=cost)

    points = {"a": (0.1, 5.0), "b": (0.2, 3.0), "c": (0.2, 4.0), "d": (0.3, 3.0), "e": (0.1, 5.0), "f": (0.4, 1.0)}
    made = Recognitions(
        runs=(found.runs[0], *(run(label, *at) for label, at in points.items())),
        changes=(), seed=0, versions=(), files=(),
    )  # fmt: skip
    assert front_of(made) == ["f", "b", "a", "e"]


def test_chips_are_varied_in_the_fields_that_they_have(folder: Path) -> None:
    session = open_session(asked(folder, beside=("analog_pcm",)))
    axes = [
        SweepAxis(fields="array.accumulator.bits", values=(16, 20)),
        SweepAxis(fields="array.adc.bits", values=(6,)),
    ]
    aged = Aged((WEEK,), ("none", "column"))
    found = variants_of(session.chips, session.work, ("fp32", "w8a8"), axes, (True, False), aged)
    assert [(one.precision, one.place, [value for _, value in one.varied]) for one in found] == [
        ("fp32", 0, []),
        ("w8a8", 0, ["16", "int4_array"]),
        ("w8a8", 0, ["20", "int4_array"]),
        ("w8a8", 1, ["6", "analog_pcm", "none", "604800 s"]),
        ("w8a8", 1, ["6", "analog_pcm", "column", "604800 s"]),
    ]
    with pytest.raises(UserError, match=r"array\.adc\.bit"):
        variants_of(session.chips, session.work, ("w8a8",), [SweepAxis(fields="array.adc.bit", values=(6,))], (False,))


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (lambda: Aged((Fraction(-1),)), "must not lie before programming"),
        (lambda: Aged(compensations=("some",)), "must be one of none, global, column"),
        (lambda: Aged((WEEK, WEEK)), "must name one or more, each once"),
    ],
)
def test_ages_that_cannot_be_are_refused(made: Any, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        made()


def test_digital_chips_do_not_age(folder: Path) -> None:
    with pytest.raises(InvalidValue, match="are of analog tiles, of which this chip has none"):
        recognise(asked(folder), Request(precisions=("w8a8",), aged=Aged((WEEK,))))


def test_numbers_of_vectors_keep_apart_and_within_their_word() -> None:
    firsts = [first_vector(line) for line in range(2, 2**14)]
    assert len(set(firsts)) == len(firsts)
    assert max(map(first_vector, range(2**15))) < 2**32 <= LARGEST_SEED
