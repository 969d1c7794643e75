"""What a doubling buys is what a run of the changed chip says; answers keep limits, and no part of one is as good."""

import pytest

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.inputs.changed import changed
from hwsim.inputs.chips import load_chip
from hwsim.ir.workload import Workload
from hwsim.results.headline_figures import headline_of
from hwsim.results.tuning import Trial, TuningOutcome, gains
from hwsim.study.simulate import simulate
from hwsim.study.tuning.resources import RESOURCES
from hwsim.study.tuning.tune import tune
from sweeps import products


@pytest.fixture(scope="module")
def chip() -> Chip:
    return load_chip("int4_array")


@pytest.fixture(scope="module")
def work() -> Workload:
    return products()


@pytest.fixture(scope="module")
def found(chip: Chip, work: Workload) -> TuningOutcome:
    return tune(chip, work, within=["area=6 mm2"], changes=1)


def by_title(outcome: TuningOutcome, title: str) -> Trial:
    return next(trial for trial in outcome.alone if trial.title == title)


def test_every_resource_is_doubled_and_halved(found: TuningOutcome) -> None:
    told = [trial.moves[0].title for trial in found.alone] + [title for title, _ in found.refused]
    for resource in RESOURCES:
        assert f"2 × {resource.name}" in told
        assert f"½ × {resource.name}" in told


@pytest.mark.parametrize("trial", ["2 × DRAM", "½ × lanes", "2 × array rows", "2 × buffers"])
def test_a_change_is_a_run_of_the_changed_chip(chip: Chip, work: Workload, found: TuningOutcome, trial: str) -> None:
    told = by_title(found, trial)
    values = {path: after if not after.isdecimal() else int(after) for path, _, after in told.moves[0].fields}
    result = simulate(changed(chip, values), work)
    assert dict(told.figures) == pytest.approx(headline_of(result))
    assert sum(cycles for _, cycles in told.limits) == result.summary.cycles


def test_answers_keep_their_limits_and_are_the_best_first(found: TuningOutcome) -> None:
    assert found.answers
    figures = [answer.gain(found.as_it_is, "latency") for answer in found.answers]
    assert figures == sorted(figures, reverse=True)
    for answer in found.answers:
        assert answer.fits
        assert answer.figure("area") <= 6
        assert len(answer.moves) == 1
    alone = [trial for trial in found.alone if trial.fits]
    assert figures[0] >= max(trial.gain(found.as_it_is, "latency") for trial in alone)


@pytest.mark.slow
def test_a_chip_that_passes_a_limit_is_led_below_it(chip: Chip, work: Workload) -> None:
    now = headline_of(simulate(chip, work))
    area = next(value for figure, value in now.items() if figure.label == "area")
    found = tune(chip, work, within=[f"area={0.7 * area} mm2"], changes=2)
    assert not found.as_it_is.fits
    assert found.answers
    assert all(answer.figure("area") <= 0.7 * area for answer in found.answers)
    assert all(any(not move.larger for move in answer.moves) for answer in found.answers)


def test_reasons_are_counters(found: TuningOutcome) -> None:
    for trial in found.alone:
        assert trial.reason
    most = max(found.as_it_is.limits, key=lambda entry: entry[1])
    share = 100 * most[1] / sum(cycles for _, cycles in found.as_it_is.limits)
    eased = [one for one in RESOURCES if any(limit.value == most[0] for limit in one.eases)]
    assert any(f"{share:.0f} % bound by" in (by_title(found, f"2 × {one.name}").reason or "") for one in eased)


@pytest.mark.slow
def test_more_of_a_figure_may_be_better(chip: Chip, work: Workload) -> None:
    found = tune(chip, work, best="utilization", changes=1)
    first = found.answers[0]
    assert first.figure("utilization") > found.as_it_is.figure("utilization")
    assert gains(first.gain(found.as_it_is, "utilization"))


@pytest.mark.parametrize(
    ("asked", "law"),
    [
        ({"within": ["area"]}, "must be a figure and its limit"),
        ({"within": ["size=3"]}, "unknown figure 'size'"),
        ({"within": ["power=3 mm2"]}, "unknown unit 'mm2'"),
        ({"within": ["rtf=fast"]}, "must be a number"),
        ({"within": ["rtf=1", "rtf=2"]}, "limits rtf a second time"),
        ({"within": ["rtf=0"]}, "must be above zero"),
        ({"best": "speed"}, "unknown figure 'speed'"),
        ({"changes": 5}, "must be from 1 to 4"),
    ],
)
def test_what_is_wrong_is_told(chip: Chip, work: Workload, asked: dict[str, object], law: str) -> None:
    with pytest.raises(InvalidValue, match=law):
        tune(chip, work, **asked)  # type: ignore[arg-type]
