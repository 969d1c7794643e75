"""`hwsim ops`: the ops of a workload."""

import click

from hwsim.cli.options import DIMENSIONS, JSON, PRECISION, WORKLOAD, dimensions
from hwsim.cli.paths import Command, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written


@click.command(name="ops", cls=Command)
@click.argument("workload", type=WORKLOAD)
@PRECISION
@DIMENSIONS
@click.option("--full", is_flag=True, help="List every op with its shapes, instead of equal layers joined.")
@JSON
def command(workload: str, precision: str | None, dims: tuple[str, ...], full: bool, json_file: str | None) -> None:
    """List the ops of WORKLOAD: names, shapes, formats, how often they run, and which policy or rule they obey.

    Example: hwsim ops rnnt --precision w4a8
    """
    from hwsim.cli.paths import told_of, workload_named
    from hwsim.quantities.precision import policy
    from hwsim.study.listing import listing

    if precision is not None:
        policy(precision)
    work = workload_named(workload, precision, dimensions(dims)).value
    ops = listing(work)
    check_outputs()

    from hwsim.report.export import to_json
    from hwsim.report.listing import full_listing_text, listing_text

    written = deliver(json_file, None, lambda: to_json(ops), dict)
    text = full_listing_text if full else listing_text
    tell(json_file, lambda screen: text(ops, screen) + "".join(f"\n{line}\n" for line in told_of(work)))
    tell_written(written)
