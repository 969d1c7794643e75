"""Recognition as callers in Python ask for it: chips and a workload by name or as nouns, fields as mappings."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Machine
from hwsim.inputs.chips import AnyChip
from hwsim.inputs.load import quantisers
from hwsim.inputs.sweep_axes import axis_given
from hwsim.ir.workload import Workload
from hwsim.quantities.fields import AGE
from hwsim.quantities.plain_data import Progress, must_be_named, must_map_names, no_progress
from hwsim.quantities.precision import policy
from hwsim.quantities.quantisation import Quantisation
from hwsim.results.recognition import Recognitions, Searching, SearchKind
from hwsim.study.recognise.run import Request
from hwsim.study.recognise.run import recognise as run_recognition
from hwsim.study.recognise.session import Asked
from hwsim.study.recognise.trained import check_precision, precisions_beside, trained_for
from hwsim.study.recognise.variants import Aged

File = str | PathLike[str]


def recognise(
    chip: File | AnyChip,
    workload: File | Workload,
    *,
    precisions: Sequence[str] | None = None,
    data: File | None = None,
    weights: File | None = None,
    symbols: File | None = None,
    lexicon: File | None = None,
    blank: str | None = None,
    between: str | None = None,
    search: SearchKind | str | None = None,
    beam: int = 16,
    word_penalty: float = -3.0,
    blank_bias: float = 0.0,
    beside: Sequence[File | AnyChip] = (),
    axes: Mapping[str | tuple[str, ...], Any] | None = None,
    at: Sequence[str] = ("0s",),
    compensation: Sequence[str] = ("none",),
    quantise: Quantisation | Mapping[str, Any] | None = None,
    equalise: bool = False,
    in_turn: bool = False,
    ends: str | None = None,
    calibrate: int = 8,
    calibrate_on: File | None = None,
    buckets: int = 2,
    draws: int = 1,
    take: int | None = None,
    dims: Mapping[str, int] | None = None,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Recognitions:
    """A set of utterances on a chip in each precision: word errors with their intervals, time and energy.

    `recognise("int4_array", "words_rnnt", precisions=("fp32", "w8a8"), axes={"array.accumulator.bits": [16, 20]})`.
    Chips and the workload are names, paths or nouns; beside a noun of a workload lies nothing, so that weights, data
    and symbols must be named. `axes` are fields of the chip as `sweep` takes them, `quantise` fields of quantisers such
    as {"weights.rounding": "least_squares"}; all else is what the options of `hwsim recognise` say. Where nothing is
    said of precisions, those are heard for which weights lie beside the workload, else that of its file.
    """
    if precisions is None:
        alone = isinstance(workload, Workload) or weights is not None
        precisions = () if alone else precisions_beside(_name("workload", workload))
    wanted = _texts("precisions", precisions)
    for name in wanted:
        check_precision(name)
    if ends is not None:
        policy(ends)
    must_be_named(blank=blank, between=between)
    must_map_names(int, "a whole number", dims=dims)
    if isinstance(workload, Workload) and dims:
        law = "are of a workload that is read from its file; load_workload takes them for this one"
        raise InvalidValue("dims", dict(dims), law)
    if axes is not None and not isinstance(axes, Mapping):
        raise InvalidValue("axes", axes, "must map fields to values or to a range")
    for place, number, least in (
        ("calibrate", calibrate, 1),
        ("buckets", buckets, 0),
        ("draws", draws, 1),
        ("workers", workers, 1),
    ):
        _whole(place, number, least)
    asked = Asked(
        arch=_chip("chip", chip),
        workload=workload if isinstance(workload, Workload) else _name("workload", workload),
        beside=tuple(_chip("beside", one) for one in beside),
        data=_path("data", data),
        weights=_path("weights", weights),
        symbols=_path("symbols", symbols),
        lexicon=_path("lexicon", lexicon),
        blank=blank,
        between=between,
        search=None if search is None else _search(search),
        searching=Searching(beam=beam, blank_bias=blank_bias, word_penalty=word_penalty),
        dims=tuple((dims or {}).items()),
        quantise=_quantisers(quantise),
        ends=ends,
        equalise=equalise,
        in_turn=in_turn,
        devices=_whole("seed", seed, 0),
        trained=trained_for(wanted),
    )
    request = Request(
        precisions=wanted or (None,),
        axes=tuple(axis_given(fields, values) for fields, values in (axes or {}).items()),
        aged=Aged(tuple(map(_age, _texts("at", at))), _texts("compensation", compensation)),
        calibrate=calibrate,
        calibrate_on=_path("calibrate_on", calibrate_on),
        buckets=buckets,
        draws=draws,
        take=None if take is None else _whole("take", take, 1),
        seed=seed,
        workers=workers,
    )
    return run_recognition(asked, request, progress=progress)


def _chip(place: str, given: Any) -> str | AnyChip:
    if isinstance(given, Machine):
        return given  # type: ignore[return-value]  # of either kind
    return _name(place, given)


def _name(place: str, given: Any) -> str:
    if not isinstance(given, (str, PathLike)):
        raise InvalidValue(place, type(given).__name__, "must be a shipped name, a path or a noun")
    return str(fspath(given))


def _path(place: str, given: File | None) -> Path | None:
    return None if given is None else Path(_name(place, given))


def _texts(place: str, given: Sequence[str]) -> tuple[str, ...]:
    """Different texts, one after another."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidValue(place, given, "must be a list of texts")
    must_be_named(**{f"{place}[{number}]": one for number, one in enumerate(given)})
    if len(set(given)) < len(given):
        raise InvalidValue(place, ", ".join(given), "must name each once")
    return tuple(given)


def _whole(place: str, given: int, least: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise InvalidValue(place, given, f"must be a whole number from {least} on")
    return given


def _search(given: SearchKind | str) -> SearchKind:
    known = {kind.value: kind for kind in SearchKind}
    name = given.value if isinstance(given, SearchKind) else given
    if name not in known:
        raise InvalidValue("search", name, f"must be one of {', '.join(known)}")
    return known[name]


def _quantisers(given: Quantisation | Mapping[str, Any] | None) -> Quantisation | None:
    if given is None or isinstance(given, Quantisation):
        return given
    if not isinstance(given, Mapping):
        raise InvalidValue("quantise", given, "must map fields to values, such as weights.clip to mse")
    written = {
        str(path): str(value).lower() if isinstance(value, bool) else str(value) for path, value in given.items()
    }
    return quantisers(written, "quantise")


def _age(written: str) -> Fraction:
    try:
        return Fraction(AGE.parse(written))
    except ValueError as error:
        raise InvalidValue("at", written, str(error)) from error
