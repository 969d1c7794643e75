"""How much of each tensor lies in the scratchpad: some of its first rows, all of them, or none.

A row is what lies along a tensor's last axis.
"""

from collections.abc import Iterable, Mapping

ALL = 1 << 62
"""As many rows as there are."""

ResidentRows = Mapping[str, int]
"""Of each tensor, by name, how many of its first rows are kept. Tensors not listed have no resident rows."""


def prefix_name(tensor: str, rows: int) -> str:
    """What the first rows of a tensor are called, where only they are kept.

    >>> prefix_name("encoder.0.out", 12)
    'encoder.0.out[:12]'
    """
    return f"{tensor}[:{rows}]"


def spots(kept: ResidentRows, tensors: Iterable[str]) -> list[str]:
    """What of these tensors lies in the scratchpad, by the names that schedules have for it.

    >>> spots({"a": ALL, "b": 3}, "abc")
    ['a', 'b[:3]']
    """
    found = []
    for name in tensors:
        rows = kept.get(name, 0)
        if rows:
            found.append(name if rows >= ALL else prefix_name(name, rows))
    return found
