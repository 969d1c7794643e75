"""What of a chip the mapping of an op depends on; equal targets share their mappings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip, Scratchpad, VectorUnit
from hwsim.ir.functions import Function
from hwsim.schedule.schedule import Ports


@dataclass(frozen=True, eq=False)
class Target:
    """The units of one core, and what transfers need to know of its memories. There is one object for equal ones."""

    array: ComputeArray
    vector: VectorUnit
    scratchpad: Scratchpad
    ports: Ports
    free_conversion: bool = False
    """Whether weights come to the format of the activations by themselves: for asking what they would cost."""

    @property
    def slots(self) -> int:
        return self.ports.slots

    def ports_at(self, latency: int) -> Ports:
        """The ports, if the DRAM had that latency: one object for each, by which equal steps are known."""
        return self._ports_at.setdefault(latency, replace(self.ports, latency=latency))

    @cached_property
    def _ports_at(self) -> dict[int, Ports]:
        return {self.ports.latency: self.ports}

    @cached_property
    def vector_cycles(self) -> Mapping[Function, int]:
        return dict(self.vector.cycles)


@lru_cache(maxsize=256)
def _target(
    array: ComputeArray, vector: VectorUnit, scratchpad: Scratchpad, ports: Ports, free_conversion: bool
) -> Target:
    return Target(array, vector, scratchpad, ports, free_conversion)


def target_of(chip: Chip, slots: int | None = None, free_conversion: bool = False) -> Target:
    """The target of a chip, with as many slots as it has, or fewer."""
    slots = slots or chip.scratchpad.buffers
    ports = Ports(
        dram_read=chip.dram_read_bytes_per_cycle,
        dram_write=chip.dram_write_bytes_per_cycle,
        scratchpad_read=Fraction(chip.scratchpad.read),
        scratchpad_write=Fraction(chip.scratchpad.write),
        latency=chip.dram_latency_cycles,
        slots=slots,
        shared=chip.dram.shared_port,
        store_delay=slots,
    )
    return _target(
        chip.array, chip.vector, replace(chip.scratchpad, size=1, banks=1, buffers=1), ports, free_conversion
    )
