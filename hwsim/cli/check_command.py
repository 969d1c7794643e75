"""`hwsim check`: validate files without running anything."""

import click


@click.command(name="check")
@click.argument("file")
def command(file: str) -> None:
    """Validate FILE, a chip, a workload or a price table; what is wrong is told in one line.

    Example: hwsim check arch/int4_array.yaml
    """
    from pathlib import Path

    from hwsim.inputs.check import check

    found = check(Path(file))
    click.echo(f"{file}: {found.kind.title} {found.name}: valid")
