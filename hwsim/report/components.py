"""The components of an energy: what they are called, and a table of what each takes."""

from dataclasses import fields

from rich.table import Table

from hwsim.report.numbers import joules, percent
from hwsim.report.tables import new_table
from hwsim.results.energy import Components

_NAMES = {"mac": "products", "interconnect": "wires", "dram": "DRAM"}


def component_name(name: str) -> str:
    """A component as people read it.

    >>> component_name("interconnect"), component_name("leakage")
    ('wires', 'leakage')
    """
    return _NAMES.get(name, name)


def spent(components: Components) -> list[tuple[str, int]]:
    """The components that take energy, the largest first."""
    sizes = [(component_name(f.name), getattr(components, f.name)) for f in fields(Components)]
    return sorted((one for one in sizes if one[1]), key=lambda one: -one[1])


def component_table(components: Components, title: str) -> Table:
    """Each component that takes energy, and its share."""
    table = new_table("component", "energy", "share", title=title)
    for name, attojoules in spent(components):
        table.add_row(name, joules(attojoules), percent(attojoules, components.total))
    return table
