"""The JSON Schema of each kind of file, made from the nouns that the files describe."""

from typing import Any

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.files import Kind
from hwsim.inputs.load import json_schema
from hwsim.models.catalogue import RECIPES
from hwsim.results.sweep_file import SweepFile


def schema(kind: Kind) -> dict[str, Any]:
    """A schema that accepts the files of that kind."""
    match kind:
        case Kind.ARCH:
            return json_schema((Chip, AnalogChip))
        case Kind.WORKLOAD:
            return json_schema(tuple(RECIPES.values()))
        case Kind.ENERGY:
            return json_schema((PriceTable,))
        case Kind.DRAM:
            return json_schema((DramDevice,))


def sweep_schema() -> dict[str, Any]:
    """A schema that accepts the definitions of sweeps."""
    return json_schema((SweepFile,))
