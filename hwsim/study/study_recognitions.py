"""Recognitions of a study: heard as `hwsim recognise` hears them, and the figures that formulas name of their runs."""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hwsim.errors import InvalidValue, UnknownName, UserError
from hwsim.inputs.studies import OpenedStudy, beside_study
from hwsim.results.recognition import Recognition, RecognitionCost, Recognitions
from hwsim.results.study_file import StudyRecognition


def heard(study: OpenedStudy, name: str) -> Recognitions:
    """What a recognition of a study hears."""
    # Imported where it is asked for: few studies recognise.
    from hwsim.study.recognise.call import recognise

    asked = asked_of(study, name)
    try:
        return recognise(
            beside_study(study.folder, asked.chip),
            beside_study(study.folder, asked.workload),
            beside=[beside_study(study.folder, chip) for chip in asked.beside],
            precisions=asked.precisions,
            axes={axis.fields: axis.range if axis.range is not None else axis.values for axis in asked.axes},
            at=asked.at,
            compensation=asked.compensation,
            draws=asked.draws,
            take=asked.take,
            search=asked.search,
            quantise=dict(asked.quantise) or None,
            buckets=asked.buckets,
            seed=asked.seed,
        )
    except UserError as error:
        raise study.naming(error, f"recognitions.{name}") from error


def asked_of(study: OpenedStudy, name: str) -> StudyRecognition:
    """The recognition of that name."""
    return next(one for one in study.file.recognitions if one.name == name)


def command_of(study: OpenedStudy, name: str) -> str:
    """The command that hears the same, from the folder in which the folder of studies lies."""
    return shlex.join(["hwsim", "recognise", *_words(study, asked_of(study, name))])


def _words(study: OpenedStudy, asked: StudyRecognition) -> Iterator[str]:
    def named(reference: str) -> str:
        path = beside_study(study.folder, reference)
        if path == reference:
            return reference
        return os.path.relpath(os.path.abspath(path), study.folder.resolve().parent.parent)

    def listed(option: str, values: tuple[str, ...], default: tuple[str, ...]) -> Iterator[str]:
        if values != default:
            yield from (option, ",".join(values))

    yield from (named(asked.chip), named(asked.workload))
    yield from listed("--beside", tuple(map(named, asked.beside)), ())
    yield from listed("--precisions", asked.precisions, ())
    for axis in asked.axes:
        said = axis.range if axis.range is not None else ",".join(map(_value, axis.values))
        yield from ("--set", f"{','.join(axis.paths)}={said}")
    yield from listed("--at", asked.at, ("0s",))
    yield from listed("--compensation", asked.compensation, ("none",))
    for option, value, default in (
        ("--search", asked.search and asked.search.value, None),
        ("--draws", asked.draws, 1),
        ("--take", asked.take, None),
        ("--buckets", asked.buckets, 2),
        ("--seed", asked.seed, 0),
    ):
        if value != default:
            yield from (option, str(value))
    for field, written in asked.quantise:
        yield from ("--quantise", f"{field}={str(written).lower() if isinstance(written, bool) else written}")


def _value(value: Any) -> str:
    return ":".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _of_cost(figure: Callable[[RecognitionCost], float]) -> Callable[[Recognition], float]:
    def of(run: Recognition) -> float:
        if run.cost is None:
            raise InvalidValue("formula", run.label, "was not timed")
        return figure(run.cost)

    return of


HEARD: Mapping[str, Callable[[Recognition], float]] = {
    "errors": lambda run: 100 * run.rate.rate,
    "errors_low": lambda run: 100 * run.rate.low,
    "errors_high": lambda run: 100 * run.rate.high,
    "energy_per_second": _of_cost(lambda cost: cost.energy_per_audio_second_mj),
    "rtf": _of_cost(lambda cost: cost.rtf),
    "model": _of_cost(lambda cost: cost.model_bytes / 10**6),
}
"""What formulas may name of a run that was heard, in the units of the figures of runs: errors in percent of the tokens
that were said, and the ends of their interval."""


def figure_heard(found: Recognitions, name: str, label: str | None) -> float:
    """A figure of the run of that label."""
    by_label = {run.label: run for run in found.runs}
    if label is None:
        raise InvalidValue("formula", name, f"must name a run in brackets, one of {', '.join(by_label)}")
    if label not in by_label:
        raise UnknownName("run of a recognition", label, tuple(by_label))
    if name not in HEARD:
        raise UnknownName("figure of a recognition", name, tuple(HEARD))
    return HEARD[name](by_label[label])
