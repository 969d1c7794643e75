"""`hwsim check`: validate files without running anything."""

import click


@click.command(name="check")
@click.argument("file")
def command(file: str) -> None:
    """Validate FILE, a chip, a workload or a price table (or a shipped name); what is wrong is told in one line.

    Example: hwsim check arch/int4_array.yaml
    """
    from hwsim.inputs.check import check

    found = check(file)
    click.echo(f"{file}: {found.kind.title} {found.name}: valid")
