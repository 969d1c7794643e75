"""Kinds of off-chip memory."""

from enum import Enum


class DramType(Enum):
    """The kind of memory behind the DRAM port; decides the price of a byte."""

    LPDDR4 = "lpddr4"
    DDR4 = "ddr4"
    GDDR6 = "gddr6"
    HBM2 = "hbm2"
