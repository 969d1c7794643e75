"""`hwsim ops`: the ops of a workload."""

import click

from hwsim.cli.command import Command
from hwsim.cli.completion import WORKLOAD
from hwsim.cli.options import DIMENSIONS, JSON, PRECISION, check_outputs, deliver, dimensions
from hwsim.cli.streams import tell, tell_written


@click.command(name="ops", cls=Command)
@click.argument("workload", type=WORKLOAD)
@PRECISION
@DIMENSIONS
@JSON
def command(workload: str, precision: str | None, dims: tuple[str, ...], json_file: str | None) -> None:
    """List the ops of WORKLOAD: names, shapes, formats, how often they run, and which policy or rule they obey.

    Example: hwsim ops rnnt --precision w4a8
    """
    from hwsim.cli.opening import workload_named
    from hwsim.core.precision import policy
    from hwsim.study.listing import listing

    if precision is not None:
        policy(precision)
    found = listing(workload_named(workload, precision, dimensions(dims)).value)
    check_outputs()

    from hwsim.report.export import to_json
    from hwsim.report.listing import listing_text

    written = deliver(json_file, None, lambda: to_json(found), dict)
    tell(json_file, lambda screen: listing_text(found, screen))
    tell_written(written)
