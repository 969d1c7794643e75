"""`hwsim gemm`: one matrix product on a chip's array."""

from pathlib import Path

import click

from hwsim.cli.options import ARCH, JSON
from hwsim.cli.paths import Command, Reads, Writes, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.quantities.plain_data import Progress


@click.command(name="gemm", cls=Command)
@click.argument("arch", type=ARCH)
@click.option("--act", "act_file", type=Reads(), metavar="FILE", required=True, help="Activations [m, k], a .npy file.")
@click.option(
    "--weight", "weight_file", type=Reads(), metavar="FILE", required=True, help="Weights [k, n], a .npy file."
)
@click.option("--act-precision", default="int8", show_default=True, metavar="FORMAT", help="Format of the activations.")
@click.option("--weight-precision", default="int8", show_default=True, metavar="FORMAT", help="Format of the weights.")
@click.option(
    "--engine",
    type=click.Choice(["fast", "cycle"]),
    default="fast",
    show_default=True,
    help="Closed forms and fast products, or every register at every clock edge: the same result.",
)
@click.option("--out", type=Writes(), metavar="FILE", help="Write the result [m, n], a .npy file.")
@JSON
def command(
    arch: str,
    act_file: str,
    weight_file: str,
    act_precision: str,
    weight_precision: str,
    engine: str,
    out: str | None,
    json_file: str | None,
) -> None:
    """Multiply two matrices on the array of ARCH, bit by bit as the array does it, and count its cycles.

    Example: hwsim gemm int4_array --act act.npy --weight weight.npy --act-precision int4 --weight-precision int4
    """
    from hwsim.cli.paths import chip_named
    from hwsim.inputs.arrays import read_array

    chip = chip_named(arch).value
    act, weight = read_array(act_file), read_array(weight_file)
    check_outputs()

    from hwsim.engine.gemm import Product, gemm

    def job(progress: Progress) -> Product:
        return gemm(chip, act, weight, act_precision=act_precision, weight_precision=weight_precision, engine=engine)

    product = with_progress(f"product on {chip.name}", job)

    from hwsim.report.export import to_json, to_npy
    from hwsim.report.files import write_data
    from hwsim.report.product import product_text

    if out is not None:
        write_data(Path(out), to_npy(product.out))
    written = deliver(json_file, None, lambda: to_json(product.figures), dict)
    tell(json_file, lambda screen: product_text(product.figures, chip.clock, screen))
    tell_written([*written, *([] if out is None else [Path(out)])])
