"""One run of a recognition in full: an utterance of it, timed and priced as any other run, with what its search did."""

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.errors import InvalidValue, UnknownName
from hwsim.results.recognition import Recognition
from hwsim.study.recognise.cost import counted
from hwsim.study.recognise.lots import own_work
from hwsim.study.recognise.run import Request, Runs, tests_of
from hwsim.study.recognise.session import Asked, open_session
from hwsim.study.recognise.workers import Ears, is_reference
from hwsim.study.simulate import Request as Timing
from hwsim.study.simulate import run

if TYPE_CHECKING:
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


def opened(
    asked: Asked, request: Request, row: int, utterance: str | None = None
) -> "tuple[Recognition, Result | TilesResult]":
    """The run with that number, from 1 on, of one utterance: the first, or the one of that name."""
    ears = Ears(open_session(asked), threads=1)
    tests = tests_of(ears.session.data, request)
    by_name = {one.name: one for one in tests}
    if utterance is not None and utterance not in by_name:
        raise UnknownName("utterance", utterance, tuple(by_name))
    one = tests[0] if utterance is None else by_name[utterance]
    runs = Runs(ears, replace(request, out=None, buckets=1, draws=1), tests, (one,))
    variants = runs.variants()
    if not 1 <= row <= len(variants):
        raise InvalidValue("--open", row, f"must be the number of a run, from 1 to {len(variants)}")
    variant = variants[row - 1]
    work = ears.work(variant.precision)
    if is_reference(work):
        raise InvalidValue("--open", row, "is in single precision, which runs on no chip; open another run")
    heard = runs.one(variant)
    (said,) = heard.utterances
    timed = counted(own_work(ears.session.data, one, work), said.evaluations, said.predictions)
    files = dict(ears.session.labelled())
    result: Result | TilesResult = run(ears.chip(variant), timed, Timing(), files=files)
    return heard, result
