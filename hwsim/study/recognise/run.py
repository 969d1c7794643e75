"""A set of utterances, heard on a chip in one precision after another: what was wrong, and what it cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.inputs.datasets import DataSet, Use, Utterance
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, fingerprint, flat, no_progress
from hwsim.quantities.quantisation import Quantisation
from hwsim.results.recognition import HeardUtterance, Recognition, RecognitionCost, Recognitions, SearchKind
from hwsim.results.sweep_file import SweepAxis
from hwsim.study.provenance import versions
from hwsim.study.recognise.calibrating import Calibrating, calibrating_of, spread
from hwsim.study.recognise.cost import PICOSECONDS, Spoken, check_priced, cost_of
from hwsim.study.recognise.errors import change, draws, rates
from hwsim.study.recognise.lots import lots_of, own_work
from hwsim.study.recognise.network import needs_scales, scales_of
from hwsim.study.recognise.session import Asked, open_session
from hwsim.study.recognise.store import NAME, Heard, HeardLot, HeardStore, begun, resumed
from hwsim.study.recognise.tiles import samples_of, standings_of
from hwsim.study.recognise.variants import Aged, Variant, variants_of
from hwsim.study.recognise.workers import Ears, Jobs, Scales, heard_by_workers, heard_here, hearing_of, is_reference
from hwsim.tensor.analog.network import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How it is to be recognised.

    `calibrate` utterances are taken where the data set marks none for the scales; `calibrate_on` is another data set
    for them. `axes` are fields of the chip that have other values, `aged` how old analog tiles are. `buckets` of like
    lengths are timed; 0 leaves time and energy out. Of the utterances to be tested `take` are heard, evenly spread, or
    all. Devices of analog tiles are drawn as often as `draws` says, with
    seeds from that of `asked` on.
    """

    precisions: tuple[str | None, ...] = (None,)
    axes: tuple[SweepAxis, ...] = ()
    aged: Aged = Aged()
    calibrate: int = 8
    calibrate_on: Path | None = None
    buckets: int = 2
    draws: int = 1
    take: int | None = None
    seed: int = 0
    workers: int = 1
    out: Path | None = None
    resume: bool = False


KeepScores = Callable[[str, NDArray[np.float32]], None]
"""Told of the scores of each utterance, in the order in which they are found."""


def forgotten(name: str, scores: NDArray[np.float32]) -> None:
    """Nobody wants scores."""


def recognise(
    asked: Asked, request: Request, *, keep: KeepScores = forgotten, progress: Progress = no_progress
) -> Recognitions:
    """Recognise all utterances of a data set that are to be tested, in each precision."""
    ears = Ears(open_session(asked), threads=1)
    tests = tests_of(ears.session.data, request)
    store = _store(ears, request)
    try:
        runs = Runs(ears, request, tests, tests, store, keep, progress).all()
    finally:
        if store is not None:
            store.close()
    first = runs[0]
    return Recognitions(
        runs=tuple(runs),
        changes=tuple(change(run, first, request.seed) for run in runs[1:] if run.rates),
        seed=request.seed,
        versions=versions(),
        files=sorted_pairs(ears.session.labelled()),
    )


def tests_of(data: DataSet, request: Request) -> Sequence[Utterance]:
    """The utterances that are heard."""
    tests = data.of(Use.TEST, Use.BOTH)
    if not tests:
        raise InvalidValue("use", Use.CALIBRATE.value, f"is that of all utterances in {data.name}")
    return tests if request.take is None else spread(tests, request.take)


@dataclass(slots=True)
class Runs:
    """The runs in all precisions, and how far they are: of `tests`, or of those of them that are `heard`."""

    ears: Ears
    request: Request
    tests: Sequence[Utterance]
    heard: Sequence[Utterance]
    store: HeardStore | None = None
    keep: KeepScores = forgotten
    progress: Progress = no_progress
    done: int = 0
    runs: int = 1
    _scales_of: dict[str | None, Scales] = field(default_factory=dict)
    _samples_of: dict[object, Samples] = field(default_factory=dict)
    _lots_of: dict[object, list[HeardLot]] = field(default_factory=dict)

    def variants(self) -> list[Variant]:
        """What is run, in order."""
        session, precisions = self.ears.session, self.request.precisions
        references = [is_reference(self.ears.work(precision)) for precision in precisions]
        axes, aged, lacking = self.request.axes, self.request.aged, self.ears.lacking(precisions)
        return variants_of(session.chips, session.work, precisions, axes, references, aged, lacking)

    def all(self) -> list[Recognition]:
        """One after another."""
        variants = self.variants()
        for variant in variants if self.request.buckets else []:
            if not is_reference(self.ears.work(variant.precision)):
                check_priced(self.ears.chip(variant))
        if self.request.draws > 1 and not any(self.ears.on_tiles(variant) for variant in variants):
            law = "are of devices of analog tiles, of which none of these runs has any"
            raise InvalidValue("--draws", self.request.draws, law)
        self.runs = sum(len(self._devices(variant)) for variant in variants)
        return [self.one(variant) for variant in variants]

    def _devices(self, variant: Variant) -> range:
        """The seeds with which the devices of a variant are drawn; one that nobody uses, where it has none."""
        first = self.ears.session.asked.devices
        return range(first, first + (self.request.draws if self.ears.on_tiles(variant) else 1))

    def one(self, variant: Variant) -> Recognition:
        """One of them."""
        devices = self._devices(variant)
        drawn = {seed: self._drawn(replace(variant, devices=seed), several=len(devices) > 1) for seed in devices}
        return self._recognition(variant, drawn)

    def _drawn(self, variant: Variant, *, several: bool) -> "_Drawn":
        """One of them on the devices of a seed."""
        precision = variant.precision
        work = self.ears.work(precision)
        told = [*(f"{path} = {value}" for path, value in variant.varied), *[f"devices = {variant.devices}"] * several]
        title = ", ".join([precision or work.formats, *told])
        lots = [] if self.store is None else [lot for lot in self.store.lots if lot.precision == title]
        known = {one.name for lot in lots for one in lot.utterances}
        open_tests = [one for one in self.heard if one.name not in known]
        self._moved(len(known))
        on, count = self.request.calibrate_on, self.request.calibrate
        calibrating = calibrating_of(self.ears.session.data, on, count, self.tests)
        needed = needs_scales(work)
        if open_tests:
            if precision not in self._scales_of:
                if len(self.ears.session.chips) == 1:  # which asks for a precision in no other place
                    self._scales_of.clear()
                self._scales_of[precision] = self._scales(precision, calibrating if needed else None)
            scales = self._scales_of[precision]
            if self.ears.on_tiles(variant):
                scales = Scales(scales.table, self._samples(variant, scales.table, calibrating))
            lots += self._heard_once(variant, scales, open_tests, title)
        needed = needed or self.ears.on_tiles(variant)
        return _Drawn(lots, calibrating.told if needed else _UNSCALED)

    def _scales(self, precision: str | None, calibrating: Calibrating | None) -> Scales:
        work, parameters = self.ears.work(precision), self.ears.parameters(precision)
        lots = [] if calibrating is None else calibrating.lots(work, parameters)
        return Scales(scales_of(work, parameters, lots, self.ears.threads))

    def _samples(self, variant: Variant, table: QuantParamsTable, calibrating: Calibrating) -> Samples:
        """The vectors by which converters are calibrated: the same whatever fields of the tiles are varied."""
        chip, work = self.ears.chip(variant), self.ears.work(variant.precision)
        assert not isinstance(chip, Chip)
        key = (variant.precision, *sorted(standings_of(chip, work)), chip.array.adc is None or chip.array.adc.range)
        if key not in self._samples_of:
            lots = calibrating.lots(work, self.ears.parameters(variant.precision))
            self._samples_of = {key: samples_of(chip, work, table, lots, self.ears.threads)}
        return self._samples_of[key]

    def _heard_once(self, variant: Variant, scales: Scales, tests: Sequence[Utterance], title: str) -> list[HeardLot]:
        """What is heard; where products are added as in an earlier run of the same utterances, that is heard again."""
        sums = self.ears.sums(variant)
        key = None if sums is None else (sums, tuple(one.name for one in tests))
        if key not in self._lots_of or self.ears.session.asked.scores:
            lots = self._heard(variant, scales, tests, title)
            if key is not None:
                self._lots_of[key] = lots
            return lots
        again = [lot._replace(precision=title) for lot in self._lots_of[key]]
        for lot in again:
            if self.store is not None:
                self.store.keep(lot)
            self._moved(len(lot.utterances))
        return again

    def _heard(self, variant: Variant, scales: Scales, tests: Sequence[Utterance], title: str) -> list[HeardLot]:
        session, found = self.ears.session, []
        alone = self.ears.on_tiles(variant)
        lots = lots_of(session.data, tests, self.ears.work(variant.precision), alone=alone)
        jobs: Jobs = [(variant, scales, lot, title) for lot in lots]
        several = self.request.workers > 1 and len(jobs) > 1
        workers = min(self.request.workers, len(jobs))
        heard = heard_by_workers(session.asked, jobs, workers) if several else heard_here(self.ears, jobs)
        for lot in heard:
            found.append(lot._replace(scores=()))
            for one, scores in zip(lot.utterances, lot.scores, strict=False):
                self.keep(one.name, scores)
            if self.store is not None:
                self.store.keep(lot)
            self._moved(len(lot.utterances))
        return found

    def _moved(self, utterances: int) -> None:
        self.done += utterances
        self.progress(self.done, len(self.heard) * self.runs)

    def _recognition(self, variant: Variant, drawn: "Mapping[int, _Drawn]") -> Recognition:
        session, hearing = self.ears.session, hearing_of(self.ears.session)
        work, first = self.ears.work(variant.precision), next(iter(drawn.values()))
        utterances = tuple(
            self._beside(one, each.by_name[one.name], seed if len(drawn) > 1 else None)
            for seed, each in drawn.items()
            for one in self.heard
        )
        lots = [lot for each in drawn.values() for lot in each.lots]
        searched = session.search is not SearchKind.NONE
        return Recognition(
            chip=session.chips[variant.place].name,
            workload=work.name,
            precision=variant.precision or work.formats,
            varied=variant.varied,
            accumulators=self.ears.accumulators(variant),
            search=hearing.told,
            token=hearing.token,
            scales=first.scales,
            quantisers=_quantisers(session.asked) if needs_scales(work) else "",
            audio_seconds=sum(one.seconds for one in utterances[: len(self.heard)]),
            saturations=sum(lot.saturations for lot in lots),
            clipped=sum(lot.clipped for lot in lots),
            rates=rates(utterances, self.request.seed) if searched else (),
            cost=self._cost(variant, work, first.by_name),
            utterances=utterances,
            draws=draws(utterances, self.request.seed) if searched else (),
        )

    def _beside(self, utterance: Utterance, heard: Heard, devices: int | None) -> HeardUtterance:
        session, counts = self.ears.session, (heard.evaluations, heard.predictions)
        hearing = hearing_of(session)
        found = hearing.held_against(session.data, utterance, heard.tokens, heard.audio / PICOSECONDS, counts)
        return found if devices is None else replace(found, devices=devices)

    def _cost(self, variant: Variant, work: Workload, heard: Mapping[str, Heard]) -> RecognitionCost | None:
        if not self.request.buckets or is_reference(work):
            return None
        session, tests = self.ears.session, {one.name: one for one in self.tests}
        spoken = [Spoken(one.name, one.audio, one.evaluations, one.predictions) for one in heard.values()]

        def at_its_length(name: str) -> Workload:
            return own_work(session.data, tests[name], work)

        return cost_of(self.ears.chip(variant), at_its_length, spoken, self.request.buckets)


_UNSCALED = "none are needed"


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """What was heard on the devices of one seed, and on what scales were found."""

    lots: Sequence[HeardLot]
    scales: str

    @property
    def by_name(self) -> dict[str, Heard]:
        """What was heard, by utterance."""
        return {one.name: one for lot in self.lots for one in lot.utterances}


def _quantisers(asked: Asked) -> str:
    """What is asked of quantisers, in the words of the options."""
    defaults = flat(Quantisation())
    said = [] if asked.quantise is None else [
        f"{name} {value}" for name, value in flat(asked.quantise).items() if value != defaults.get(name)
    ]  # fmt: skip
    said += [word for word, asked_for in (("equalise", asked.equalise), ("in turn", asked.in_turn)) if asked_for]
    return ", ".join([*said, *([] if asked.ends is None else [f"first and last product in {asked.ends}"])])


def _store(ears: Ears, request: Request) -> HeardStore | None:
    if request.out is None:
        return None
    session = ears.session
    options: tuple[object, ...] = (
        session.asked.searching,
        session.search,
        request.calibrate,
        str(request.calibrate_on),
    )
    options += () if request.take is None else (request.take,)
    analog = any(not isinstance(chip, Chip) for chip in session.chips)
    made_with = fingerprint(
        {
            "files": dict(session.files),
            "data": session.data.sha256,
            "options": [str(option) for option in options],
            "dims": list(session.asked.dims),
            "quantise": [session.asked.quantise, session.asked.ends, session.asked.equalise, session.asked.in_turn],
            "versions": versions(),
            **({"devices": session.asked.devices} if analog else {}),
        }
    )
    path = request.out / NAME
    return resumed(path, made_with) if request.resume else begun(path, made_with)
