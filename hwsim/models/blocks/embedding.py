"""A table with one row for each symbol."""

from hwsim.core.ops import Lookup
from hwsim.core.precision import Precision
from hwsim.core.tensor import Role
from hwsim.core.view import View
from hwsim.models.part import Part, tensor


def embedding(name: str, symbols: int, size: int, index: View, out: View, precision: Precision) -> Part:
    """out = table[index]; makes the table, in the format of `out`."""
    table = tensor(f"{name}.table", (symbols, size), precision, Role.TABLE)
    return Part((table,), (Lookup(name=name, table=View(tensor=table.name), index=index, out=out),))


def gathered(name: str, table: View, index: View, out: View) -> Part:
    """out = table[index] from a table that is there."""
    return Part(nodes=(Lookup(name=name, table=table, index=index, out=out),))
