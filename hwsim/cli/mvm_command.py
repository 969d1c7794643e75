"""`hwsim mvm`: vectors times a matrix on analog tiles."""

from pathlib import Path

import click

from hwsim.cli.options import JSON
from hwsim.cli.paths import Command, Reads, Writes, check_outputs, deliver, keep
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import Progress


@click.command(name="mvm", cls=Command)
@click.argument("tile_file", type=Reads(), metavar="TILE")
@click.option(
    "--weight", "weight_file", type=Reads(), metavar="FILE", required=True, help="Weights [k, n], a .npy file."
)
@click.option("--input", "input_file", type=Reads(), metavar="FILE", required=True, help="Vectors [m, k], a .npy file.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="What noise is drawn from.")
@click.option(
    "--seconds", type=float, default=0.0, show_default=True, metavar="T", help="Time that cells have drifted."
)
@click.option(
    "--compensation",
    type=click.Choice(["none", "global", "column"]),
    default="none",
    show_default=True,
    help="What brings back what drift took.",
)
@click.option("--calibrate", "sample_file", type=Reads(), metavar="FILE", help="Sample vectors for calibrated ranges.")
@click.option("--codes", is_flag=True, help="Put the codes of all conversions into the JSON.")
@click.option("--out", type=Writes(), metavar="FILE", help="Write the result [m, n], a .npy file.")
@JSON
def command(
    tile_file: str,
    weight_file: str,
    input_file: str,
    seed: int,
    seconds: float,
    compensation: str,
    sample_file: str | None,
    codes: bool,
    out: str | None,
    json_file: str | None,
) -> None:
    """Multiply vectors by a matrix on the analog tiles that TILE describes, down to the codes of their converters.

    TILE is the file of a tile, or a chip of such tiles, a file or a shipped name, which also says what that takes.

    Example: hwsim mvm tile.yaml --weight weight.npy --input input.npy --seed 1 --out out.npy
    """
    if codes and json_file is None:
        raise InvalidValue("--codes", True, "puts codes into the JSON; give --json FILE, or --json - to print it")

    from hwsim.inputs.arrays import read_array
    from hwsim.inputs.tile import open_tile_or_chip

    opened = open_tile_or_chip(tile_file)
    keep(click.get_current_context(), opened.paths)
    tile = opened.value
    weight, inputs = read_array(weight_file), read_array(input_file)
    sample = None if sample_file is None else read_array(sample_file)
    check_outputs()

    from hwsim.engine.mvm import CostedProduct, calibrate, figures, mvm, program
    from hwsim.results.analog import AnalogFigures

    def job(progress: Progress) -> tuple[CostedProduct, AnalogFigures]:
        matrix = program(tile, weight, seed=seed, seconds=seconds, compensation=compensation)
        ranges = None if sample is None else calibrate(matrix, None, sample, seed=seed)
        made = mvm(matrix, None, inputs, seed=seed, ranges=ranges)
        return made, figures(matrix, made, codes=codes)

    made, counts = with_progress("product on analog tiles", job)

    from hwsim.report.analog import analog_text
    from hwsim.report.export import to_json, to_npy
    from hwsim.report.files import write_data

    if out is not None:
        write_data(Path(out), to_npy(made.out))
    written = deliver(json_file, None, lambda: to_json(counts), dict)
    tell(json_file, lambda screen: analog_text(counts, screen))
    tell_written([*written, *([] if out is None else [Path(out)])])
