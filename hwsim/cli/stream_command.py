"""`hwsim stream`: a workload in real time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsim.cli.options import (
    ARCH,
    DIMENSIONS,
    PDF,
    PRECISION,
    WORKLOAD,
    dimensions,
    listed,
    objective_option,
    output_options,
)
from hwsim.cli.paths import Command, check_outputs, deliver, keep
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.inputs.spoken import Spoken
    from hwsim.ir.lengths import Lengths
    from hwsim.study.fleet import Fleet

BUCKETS = "8"
LOGNORMAL = "lognormal:"


def stream_files_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The files that a study of real time writes into a folder."""
    from hwsim.report.export import STREAM_FILES, drawn

    return (*STREAM_FILES, *drawn(["streams"], pdf=params["pdf"]))


@click.command(name="stream", cls=Command)
@click.argument("arch", type=ARCH)
@click.argument("workload", type=WORKLOAD)
@click.option("--streams", default="1", show_default=True, metavar="LIST", help="Numbers of streams together: 1,2,4,8.")
@click.option("--most", is_flag=True, help="Also search for the most streams in real time.")
@click.option("--latency-limit", metavar="TIME", help="In real time no latency passes this: 1 s.")
@click.option("--chunk", metavar="TIME", help="Another length of chunks: 640 ms.")
@click.option("--left-context", metavar="TIME", help="What attention sees before a chunk: 2.56 s.")
@click.option("--look-ahead", metavar="TIME", help="What attention sees after a chunk: 160 ms.")
@click.option(
    "--lengths",
    metavar="LENGTHS",
    help="Utterances of many lengths: lognormal:mean=7s,p99=25s (also median, p90, p95), a table, or a length: 5s.",
)
@click.option(
    "--utterances", type=click.IntRange(1, 10**6), metavar="N", help="1,000 of --lengths, 10,000 that arrive."
)
@click.option("--buckets", metavar="LIST|N", help="Lengths to pad to: 5s,10s,20s; or how many, chosen; 8 by default.")
@click.option("--fleet", type=click.IntRange(1, 10_000), metavar="N", help="Also simulate so many chips.")
@click.option("--arrivals", metavar="RATE|FILE", help="What comes to the fleet: 20/s at random, or a table of times.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Draws what is drawn."
)
@click.option("--full", is_flag=True, help="Also print every chunk, and what streams do in the memories.")
@PRECISION
@DIMENSIONS
@objective_option
@output_options(stream_files_of)
@PDF
def command(
    arch: str,
    workload: str,
    streams: str,
    most: bool,
    latency_limit: str | None,
    chunk: str | None,
    left_context: str | None,
    look_ahead: str | None,
    lengths: str | None,
    utterances: int | None,
    buckets: str | None,
    fleet: int | None,
    arrivals: str | None,
    seed: int,
    full: bool,
    precision: str | None,
    dims: tuple[str, ...],
    objective: str,
    json_file: str | None,
    out: str | None,
    pdf: bool,
) -> None:
    """WORKLOAD in real time on ARCH: when sounds are recognised, how many streams fit, lengths, a fleet.

    Example: hwsim stream int4_array conformer_m --chunk 640ms --left-context 2.56s --streams 1,8,64 --most
    """
    from hwsim.cli.paths import chip_and_workload, naming
    from hwsim.quantities.precision import policy
    from hwsim.results.streams import StreamStudy

    if precision is not None:
        policy(precision)
    numbers = _numbers(streams)
    spoken = _lengths(lengths, buckets, utterances, seed)
    coming, arriving = _fleet(fleet, arrivals, utterances, seed)
    chip, work = chip_and_workload(arch, workload, precision, dimensions(dims))
    tables = [table for table in (None if spoken is None else spoken[1], arriving) if table is not None]
    keep(click.get_current_context(), [Path(table.name) for table in tables])
    check_outputs()

    def job(progress: Progress) -> StreamStudy:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.streams import stream

        with naming(chip, work):
            return stream(
                chip.value,
                work.value,
                streams=numbers,
                most=most,
                latency_limit=latency_limit,
                chunk=chunk,
                left_context=left_context,
                look_ahead=look_ahead,
                lengths=None if spoken is None else spoken[0],
                about_lengths="the workload's own" if lengths is None else lengths,
                fleet=coming,
                objective=objective,
                files={**dict(chip.files + work.files), **{table.name: table.sha256 for table in tables}},
                progress=progress,
            )

    study = with_progress(f"{work.value.name} on {chip.value.name}", job)

    from hwsim.report.export import stream_files, to_json
    from hwsim.report.streams import stream_text

    def files() -> dict[str, str | bytes]:
        from hwsim.report.plots.sets import drawn_files, stream_drawings

        return stream_files(study) | drawn_files(stream_drawings(study), pdf=pdf)

    written = deliver(json_file, out, lambda: to_json(study), files)
    tell(json_file, lambda screen: stream_text(study, screen, full=full))
    tell_written(written)


def _numbers(written: str) -> list[int]:
    numbers = listed(written)
    for text in numbers or [written]:
        if not text.isdecimal() or len(text) > 20:
            raise InvalidValue("--streams", text, "must list whole numbers, such as 1,2,4,8")
    return [int(text) for text in numbers]


def _lengths(
    written: str | None, buckets: str | None, utterances: int | None, seed: int
) -> "tuple[Lengths, Spoken | None] | None":
    """The lengths that are asked for, in their buckets, and the table that they come from."""
    if written is None:
        if buckets is not None:
            raise InvalidValue("--buckets", buckets, "are of --lengths; give these too")
        return None
    from hwsim.inputs.spoken import open_lengths
    from hwsim.ir.lengths import Lengths, Share

    table = None
    if written.startswith(LOGNORMAL):
        from hwsim.study.drawn_lengths import lognormal_lengths

        given = dict(part.strip().partition("=")[::2] for part in written[len(LOGNORMAL) :].split(","))
        try:
            found = lognormal_lengths(utterances=utterances or 1000, seed=seed, **given)
        except InvalidValue as error:
            raise error.within("--lengths") from error
    elif written[:1].isdecimal() and not Path(written).exists():
        found = Lengths(shares=(Share(length=_length("--lengths", written), utterances=utterances or 1),))
    else:
        table = open_lengths(Path(written))
        assert table.lengths is not None
        found = table.lengths
    return _bucketed(found, buckets or BUCKETS), table


def _bucketed(lengths: "Lengths", written: str) -> "Lengths":
    """The lengths with the buckets that an option lists, or with so many chosen ones."""
    if written.isdecimal() and len(written) <= 20:
        from hwsim.study.drawn_lengths import chosen_buckets

        return chosen_buckets(lengths, int(written))
    from hwsim.quantities.fields import UTTERANCE

    bounds = sorted({_length("--buckets", text.strip()) for text in written.split(",")})
    longest = lengths.shares[-1].length
    if bounds[-1] < longest:
        law = f"must end with at least {UTTERANCE.written(longest)}, the longest utterance"
        raise InvalidValue("--buckets", written, law)
    return replace(lengths, buckets=tuple(bounds))


def _length(option: str, written: str) -> int:
    from hwsim.quantities.fields import UTTERANCE, whole

    return whole(UTTERANCE, option, written)


def _fleet(
    chips: int | None, arrivals: str | None, utterances: int | None, seed: int
) -> "tuple[Fleet | None, Spoken | None]":
    """The fleet that is asked for, and the table of its arrivals."""
    if (chips is None) != (arrivals is None):
        name, value = ("--fleet", chips) if arrivals is None else ("--arrivals", arrivals)
        raise InvalidValue(name, value, "needs --fleet and --arrivals, such as --fleet 4 --arrivals 20/s")
    if chips is None or arrivals is None:
        return None, None
    from hwsim.inputs.spoken import open_arrivals
    from hwsim.quantities.fields import PER_SECOND
    from hwsim.study.fleet import Fleet

    if not arrivals.endswith("/s") or Path(arrivals).exists():
        table = open_arrivals(Path(arrivals))
        return Fleet(chips=chips, times=table.arrivals, seed=seed), table
    try:
        rate = PER_SECOND.parse(arrivals)
    except ValueError as error:
        raise InvalidValue("--arrivals", arrivals, str(error)) from error
    problem = PER_SECOND.broken_by(rate)
    if problem is not None:
        raise InvalidValue("--arrivals", arrivals, problem)
    return Fleet(chips=chips, rate=Fraction(rate), utterances=utterances or 10_000, seed=seed), None
