"""The register-level engines, one row for each kind of array that has one."""

from collections.abc import Mapping

from hwsim.engine.bit_serial_registers import run_bit_serial_registers
from hwsim.engine.register_run import RegisterEngine
from hwsim.engine.registers import run_registers
from hwsim.engine.temporal_registers import run_temporal_registers
from hwsim.errors import Unsupported
from hwsim.hardware.array import ComputeArray

REGISTER_ENGINES: Mapping[str, RegisterEngine] = {
    "systolic": run_registers,
    "temporal": run_temporal_registers,
    "bit_serial": run_bit_serial_registers,
}
"""By kind; a kind without a row has none."""


def register_engine(array: ComputeArray) -> RegisterEngine:
    """The engine of an array's kind; Unsupported, if it has none."""
    if array.kind not in REGISTER_ENGINES:
        kinds = ", ".join(REGISTER_ENGINES)
        raise Unsupported(
            f"an array of kind {array.kind} has no register-level engine, these have: {kinds}; use the fast engine"
        )
    return REGISTER_ENGINES[array.kind]
