"""The target of a mapping: the units and memories of a chip on which it depends, and how long steps take there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

from hwsim.errors import Unsupported
from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip, Scratchpad, VectorUnit, WeightLayout
from hwsim.ir.ops import Function, VectorWork
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Ring, StepTree
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import Unsettled, times
from witnesses.planner.encode_alone import encode_alone


@dataclass(frozen=True, eq=False)
class Target:
    """The units of one core, and what transfers need to know of its memories. Equal targets are one object."""

    array: ComputeArray
    vector: VectorUnit
    scratchpad: Scratchpad
    ports: Ports
    free_conversion: bool = False
    """Whether weights come to the format of the activations by themselves, to ask what conversion costs."""
    tiled_weights: bool = False
    """Whether weights lie in whole tiles of the array."""

    @property
    def slots(self) -> int:
        return self.ports.slots

    def ports_at(self, latency: int) -> Ports:
        """The ports, if the DRAM had that latency: one object for each latency, by whose identity codes are cached."""
        return self._ports_at.setdefault(latency, replace(self.ports, latency=latency))

    @cached_property
    def _ports_at(self) -> dict[int, Ports]:
        return {self.ports.latency: self.ports}

    @cached_property
    def vector_cycles(self) -> Mapping[Function, int]:
        return dict(self.vector.cycles)


@lru_cache(maxsize=256)
def _target(
    array: ComputeArray,
    vector: VectorUnit,
    scratchpad: Scratchpad,
    ports: Ports,
    free_conversion: bool,
    tiled_weights: bool,
) -> Target:
    return Target(array, vector, scratchpad, ports, free_conversion, tiled_weights)


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
        scratchpad_shared=chip.scratchpad.shared_port,
    )
    return _target(
        chip.array,
        chip.vector,
        replace(chip.scratchpad, size=1, banks=1, buffers=1),
        ports,
        free_conversion,
        chip.dram.weight_layout is WeightLayout.TILES,
    )


@dataclass(frozen=True, slots=True)
class VectorCost:
    """One step of the vector unit: its duration, what its lanes do, and the bytes on its ports."""

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int
    port_bound: bool = False
    """Whether a port of the scratchpad, not the lanes, sets the duration."""
    hidden_cycles: int = 0
    """The cycles of the shorter of the two, lanes and port."""


def vector_cost(work: VectorWork, read_bytes: int, write_bytes: int, target: Target) -> VectorCost:
    """The time of the functions one after another, all lanes at once, or of the ports if these take longer."""
    cycles_of = target.vector_cycles
    busy = lanes = 0
    for function, elements in work.items():
        cycles = cycles_of.get(function)
        if cycles is None:
            functions = ", ".join(f.value for f in cycles_of)
            raise Unsupported(f"the vector unit has no {function.value}; it has {functions}")
        busy += -(-elements // target.vector.lanes) * cycles
        lanes += elements * cycles
    ports = max(-(-read_bytes // target.scratchpad.read), -(-write_bytes // target.scratchpad.write))
    return VectorCost(max(busy, ports), lanes, read_bytes, write_bytes, ports > busy, min(busy, ports))


MOST_WALKED = 1 << 12
"""Steps whose units find no common period within so many iterations count as if all units worked side by side."""


def cycles_of(steps: tuple[StepTree, ...], ports: Ports, single: tuple[Ring, ...] = ()) -> int:
    """The cycles of the steps, or busy cycles of the busiest port, only for the choice among cuts."""
    try:
        return times(encode_alone(steps, ports, single), most=MOST_WALKED).cycles
    except Unsettled:
        load, array, vector, store, _ = step_code(steps, ports).busy
        return max(array, vector, load + store if ports.shared else max(load, store))
