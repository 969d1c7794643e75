"""The units of a chip of tiles by number, and how long a vector takes from one to another."""

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.schedule.tiles import PlacedMatrix, Placement


@dataclass(frozen=True, slots=True)
class Sites:
    """Numbers of units and of sites.

    Units are the vector units of the chips, groups of tiles, the loads and the stores, which may be one unit. Sites are
    vector units, matrices, and the memory: loads, then stores.
    """

    servers: NDArray[np.int64]
    delays: NDArray[np.int64]
    chips: int
    load: int
    store: int
    load_site: int
    store_site: int
    units: int

    def unit_of(self, matrix: PlacedMatrix) -> int:
        """The unit of a matrix's tiles."""
        return self.chips + matrix.unit

    def site_of(self, number: int) -> int:
        """The site of the matrix of that number."""
        return self.chips + number


def sites_of(chip: AnalogChip, placement: Placement) -> Sites:
    """All units and sites of a chip with weights on it."""
    chips, units, matrices = chip.chips, placement.units, placement.matrices
    servers = np.ones(chips + units + (1 if chip.dram.shared_port else 2), np.int64)
    for matrix in matrices:
        servers[chips + matrix.unit] = matrix.copies
    within, between = (-(-time * chip.clock // 10**12) for time in (chip.link.within, chip.link.between))
    # What stands on several chips is on none of them alone: a number of its own.
    alone = [matrix.chips[0] if len(matrix.chips) == 1 else -1 - place for place, matrix in enumerate(matrices)]
    where = np.array([*range(chips), *alone])
    count = len(where) + 2
    delays = np.full((count, count), within, np.int64)
    delays[:-2, :-2] = np.where(where[:, None] == where, within, between)
    np.fill_diagonal(delays, 0)
    load = chips + units
    store = load if chip.dram.shared_port else load + 1
    return Sites(servers, delays, chips, load, store, len(where), len(where) + 1, len(servers))
