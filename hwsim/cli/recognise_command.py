"""`hwsim recognise`: what a network on a chip hears of recordings, beside what was said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.axes import ages_of, axis_of
from hwsim.cli.options import ARCH, DIMENSIONS, HTML, PDF, WORKLOAD, Policies, dimensions, listed, output_options
from hwsim.cli.paths import Command, Reads, Writes, check_outputs, command_line, deliver
from hwsim.cli.recognised import kept_scores, open_run, quantisers_of
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress
from hwsim.results.recognition import Recognitions, Searching, SearchKind

if TYPE_CHECKING:  # help needs no arrays
    from hwsim.study.recognise.run import Request
    from hwsim.study.recognise.session import Asked


FRESH = "0s"
"""As analog tiles are right after programming."""


def recognise_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a recognition writes into a folder."""
    from hwsim.report.export import drawn
    from hwsim.report.recognition import DRAWS, FILES
    from hwsim.study.recognise.store import NAME

    figures = ["recognition"]
    figures += ["recognition_curve"] if params["axes"] or params["at"] != FRESH else []
    several = params["beside"] is not None or params["axes"] or len(_precisions(params)) > 1
    figures += ["recognition_front"] if several and params["buckets"] else []
    of_devices = [DRAWS] if params["draws"] > 1 else []
    return (NAME, *FILES, *of_devices, *drawn(figures, pdf=params["pdf"]))


def _precisions(params: Mapping[str, Any]) -> list[str]:
    """The runs that are asked for; where nothing is said, those for which the workload has weights of its own."""
    from hwsim.study.recognise.trained import precisions_beside

    if params["precisions"] is not None:
        return listed(params["precisions"])
    alone = params["weights"] is not None or params["scores"] is not None
    return [] if alone else list(precisions_beside(params["workload"]))


@click.command(name="recognise", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@click.option("--data", type=Reads(), metavar="DIR", help="Utterances; those that the workload ships with, if it does.")
@click.option("--weights", type=Reads(), metavar="FILE", help="Parameters by name, if none lie beside WORKLOAD.")
@click.option("--precisions", type=Policies(several=True), metavar="LIST", help="Policies, one after another.")
@click.option("--symbols", type=Reads(), metavar="FILE", help="The symbol of each output, a JSON list of texts.")
@click.option("--lexicon", type=Reads(), metavar="FILE", help="The symbols of each word, a JSON mapping.")
@click.option(
    "--search",
    type=click.Choice([kind.value for kind in SearchKind]),
    help="How symbols, or words of a lexicon, are found in scores of a network trained with CTC.",
)
@click.option("--beam", type=click.IntRange(1, 4096), default=16, show_default=True, metavar="N", help="Prefixes kept.")
@click.option(
    "--word-penalty", type=float, default=-3.0, show_default=True, metavar="X", help="Added to the score of each word."
)
@click.option(
    "--blank-bias", type=float, default=0.0, show_default=True, metavar="X", help="Added to the score of each blank."
)
@click.option("--blank", metavar="SYMBOL", help="The blank, if its name does not say so.")
@click.option("--between", metavar="SYMBOL", help="The symbol between words, if its name does not say so.")
@click.option(
    "--quantise",
    "fields",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A quantiser's field, as in precision.quantise: weights.rounding=least_squares; or in_turn, or equalise.",
)
@click.option(
    "--set",
    "axes",
    multiple=True,
    metavar="FIELDS=VALUES",
    help="Fields of the chip with other values: array.accumulator.bits=12,16,20.",
)
@click.option(
    "--at",
    default=FRESH,
    show_default=True,
    metavar="LIST",
    help="On analog tiles: times since programming, in s, min, h, d, w or y.",
)
@click.option(
    "--compensation",
    default="none",
    show_default=True,
    metavar="LIST",
    help="On analog tiles: what brings back what drift took: none, global, column.",
)
@click.option(
    "--draws",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    metavar="N",
    help="On analog tiles: hear on so many devices, with seeds from --seed on.",
)
@click.option("--beside", metavar="CHIPS", help="Recognise the same on these chips too: analog_pcm,int8_array.")
@click.option("--ends", type=Policies(), metavar="POLICY", help="The first and the last product in this policy.")
@click.option("--calibrate-on", type=Reads(), metavar="DIR", help="Find the scales of activations on these utterances.")
@click.option(
    "--take", type=click.IntRange(1, 10**6), metavar="N", help="Hear N of the utterances, evenly spread over the table."
)
@click.option(
    "--calibrate",
    type=click.IntRange(1, 10**6),
    default=8,
    show_default=True,
    metavar="N",
    help="Utterances for the scales, where none are marked.",
)
@click.option(
    "--buckets",
    type=click.IntRange(0, 10**4),
    default=2,
    show_default=True,
    metavar="N",
    help="Lengths at which utterances are timed; 0: no time and energy.",
)
@click.option("--open", "row", type=click.IntRange(min=1), metavar="N", help="Show the N-th run in full, as run does.")
@click.option("--utterance", metavar="NAME", help="Of this utterance, with --open; the first one, if nothing is said.")
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="N", help="Processes.")
@click.option("--resume", is_flag=True, help="Go on with what lies in --out.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Draws intervals and devices.",
)
@click.option(
    "--scores", type=Writes(), metavar="FILE", help="Hand out the network's scores: FILE.npz, or FILE.ark for Kaldi."
)
@DIMENSIONS
@output_options(recognise_files_of)
@PDF
@HTML
def command(
    arch: str,
    workload: str,
    data: str | None,
    weights: str | None,
    precisions: str | None,
    symbols: str | None,
    lexicon: str | None,
    search: str | None,
    beam: int,
    word_penalty: float,
    blank_bias: float,
    blank: str | None,
    between: str | None,
    fields: tuple[str, ...],
    axes: tuple[str, ...],
    at: str,
    compensation: str,
    draws: int,
    beside: str | None,
    ends: str | None,
    calibrate_on: str | None,
    calibrate: int,
    take: int | None,
    buckets: int,
    row: int | None,
    utterance: str | None,
    workers: int,
    resume: bool,
    seed: int,
    scores: str | None,
    dims: tuple[str, ...],
    json_file: str | None,
    out: str | None,
    pdf: bool,
    html_file: str | None,
) -> None:
    """Recognise utterances with WORKLOAD on ARCH, by the integers that its array makes: error rates, time, energy.

    With weights that were trained for a policy (weights.w4a4.safetensors beside WORKLOAD) it is w4a4:trained.

    Example: hwsim recognise int4_array words_rnnt --precisions fp32,w8a8,w4a4,w4a4:trained
    """
    from hwsim.quantities.precision import policy
    from hwsim.study.recognise.trained import check_precision, trained_for

    wanted = _precisions({"precisions": precisions, "workload": workload, "weights": weights, "scores": scores})
    for place, name in enumerate(wanted):
        check_precision(name)
        if name in wanted[:place]:
            raise InvalidValue("--precisions", name, "is there twice")
    if ends is not None:
        policy(ends)
    if resume and out is None:
        raise InvalidValue("--resume", True, "goes on with what lies in --out; give --out DIR")
    if scores is not None and (len(wanted) > 1 or resume or draws > 1):
        raise InvalidValue("--scores", scores, "is of one run in one precision, from its beginning")
    searching = Searching(beam=beam, blank_bias=blank_bias, word_penalty=word_penalty)
    flags, quantise = quantisers_of(fields)
    check_outputs()

    if utterance is not None and row is None:
        raise InvalidValue("--utterance", utterance, "is the one of a run that is opened; give --open N")

    def request_of() -> "tuple[Asked, Request]":
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.recognise.run import Request
        from hwsim.study.recognise.session import Asked
        from hwsim.study.recognise.variants import Aged

        asked = Asked(
            arch=arch,
            workload=workload,
            data=_path(data),
            weights=_path(weights),
            symbols=_path(symbols),
            lexicon=_path(lexicon),
            blank=blank,
            between=between,
            search=None if search is None else SearchKind(search),
            searching=searching,
            dims=tuple(dimensions(dims).items()),
            scores=scores is not None,
            quantise=quantise,
            ends=ends,
            beside=() if beside is None else tuple(listed(beside)),
            devices=seed,
            equalise="equalise" in flags,
            in_turn="in_turn" in flags,
            trained=trained_for(wanted),
        )
        request = Request(
            precisions=tuple(wanted) or (None,),
            axes=tuple(map(axis_of, axes)),
            aged=Aged(tuple(ages_of(at)), tuple(listed(compensation))),
            calibrate=calibrate,
            calibrate_on=_path(calibrate_on),
            buckets=buckets,
            draws=draws,
            take=take,
            seed=seed,
            workers=workers,
            out=_path(out),
            resume=resume,
        )
        return asked, request

    if row is not None:
        open_run(request_of, row, utterance, f"{workload} on {arch}", json_file)
        return

    def job(progress: Progress) -> Recognitions:
        from hwsim.study.recognise.run import forgotten, recognise

        asked, request = request_of()
        if scores is None:
            return recognise(asked, request, keep=forgotten, progress=progress)
        with kept_scores(Path(scores)) as keep:
            return recognise(asked, request, keep=keep, progress=progress)

    found = with_progress(f"{workload} on {arch}", job, unit="utterances")

    from hwsim.report.export import to_json
    from hwsim.report.recognition import recognition_files, recognition_text

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, recognition_drawings

        return recognition_files(found) | drawn_files(recognition_drawings(found), pdf=pdf)

    def page() -> str:
        from hwsim.report.page.recognition import recognition_page

        return recognition_page(found, command_line())

    written = deliver(json_file, out, lambda: to_json(found), files, (html_file, page))
    tell(json_file, lambda screen: recognition_text(found, screen))
    tell_written(written if scores is None else [*written, Path(scores)])


def _path(written: str | None) -> Path | None:
    return None if written is None else Path(written)
