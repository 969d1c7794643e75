"""`hwsim schema`: JSON Schemas for editors."""

import click

from hwsim.cli.paths import Command
from hwsim.cli.terminal import say

SWEEP = "sweep"
"""A kind of file of which none is shipped."""


@click.command(name="schema", cls=Command)
@click.argument("kind", type=click.Choice(["arch", "workload", "energy", "dram", SWEEP]))
def command(kind: str) -> None:
    """Print the JSON Schema of a KIND of file, with which editors complete and check.

    Example: hwsim schema arch > arch.schema.json
    """
    import json

    from hwsim.inputs.files import Kind
    from hwsim.inputs.schema import schema, sweep_schema

    say(json.dumps(sweep_schema() if kind == SWEEP else schema(Kind(kind)), indent=2))
