"""The choice that a temporal array's file makes: how multiples reach the rows."""

from enum import Enum


class Products(Enum):
    """How the multiples of a column's weight reach its rows."""

    PIPELINED = "pipelined"  # a register in each row, so that row r sees them r cycles late
    BROADCAST = "broadcast"  # one register at the top, seen by all rows at once
