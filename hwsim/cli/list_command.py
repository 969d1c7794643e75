"""`hwsim list`: what is shipped."""

import click


@click.command(name="list")
def command() -> None:
    """List the chips, workloads and price tables that come with hwsim; their names can be used instead of files.

    Example: hwsim list
    """
    from hwsim.inputs.shipped import Kind, names

    for kind in Kind:
        click.echo(f"{kind.title}s: {', '.join(names(kind))}")
