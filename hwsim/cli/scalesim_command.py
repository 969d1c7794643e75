"""`hwsim scalesim`: a configuration and a topology of SCALE-Sim."""

import click

from hwsim.cli.options import output_options, scalesim_files_of
from hwsim.cli.paths import Command, Reads, check_outputs, deliver
from hwsim.cli.terminal import tell, tell_written, with_progress
from hwsim.errors import Unsupported
from hwsim.quantities.plain_data import Progress


@click.command(name="scalesim", cls=Command)
@click.argument("config", type=Reads())
@click.argument("topology", type=Reads())
@output_options(scalesim_files_of)
def command(config: str, topology: str, json_file: str | None, out: str | None) -> None:
    """Report the layers of TOPOLOGY on CONFIG, both files of SCALE-Sim: its columns, and what hardware takes.

    Example: hwsim scalesim examples/scalesim/scale.cfg examples/scalesim/conformer_m.csv
    """
    from hwsim.scalesim.config import open_config
    from hwsim.scalesim.nouns import ScaleSimReport
    from hwsim.scalesim.topology import open_topology

    settings, layers = open_config(config), open_topology(topology)
    check_outputs()

    def job(progress: Progress) -> ScaleSimReport:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.scalesim.run import run_scalesim

        files = dict(settings.files + layers.files)
        try:
            return run_scalesim(settings.value, layers.layers, files=files, progress=progress)
        except Unsupported as error:
            raise Unsupported(f"{config}, {topology}: {error}") from error

    report = with_progress(f"{layers.name} on {settings.value.name}", job)

    from hwsim.report.export import to_json
    from hwsim.scalesim.table import scalesim_files, scalesim_text

    written = deliver(json_file, out, lambda: to_json(report), lambda: scalesim_files(report))
    tell(json_file, lambda screen: scalesim_text(report, layers.name, screen))
    tell_written(written)
