"""A table with one row for each symbol."""

from hwsim.ir.ops import Lookup
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment, tensor


def embedding(name: str, symbols: int, size: int, index: View, out: View) -> Fragment:
    """out = table[index]; makes the table."""
    table = tensor(f"{name}.table", (symbols, size), Role.TABLE)
    return Fragment((table,), (Lookup(name=name, table=View(tensor=table.name), index=index, out=out),))


def gathered(name: str, table: View, index: View, out: View) -> Fragment:
    """out = table[index] from a table that is there."""
    return Fragment(nodes=(Lookup(name=name, table=table, index=index, out=out),))
