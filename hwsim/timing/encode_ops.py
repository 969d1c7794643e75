"""The code of one op and the tensors that it uses: what is the same in whatever schedule the op stands."""

from dataclasses import dataclass

from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import OpSchedule, Ports
from hwsim.timing.encode_steps import StepCode, step_code

WHOLE, PART, ASKED, READER_0 = 1, 2, 4, 8
"""How a body uses a tensor, as bits: it writes all of it or parts, asks for its last readers, reads it by a unit."""


def columns_of(touch: int) -> tuple[int, int, int, int]:
    """The bits as columns of `touched`, from T_WHOLE on."""
    return touch & WHOLE, (touch & PART) // PART, (touch & ASKED) // ASKED, touch // READER_0


@dataclass(frozen=True, slots=True)
class OpCode:
    """An op's steps and its uses of tensors."""

    steps: StepCode
    uses: tuple[tuple[int, int, str], ...]  # how the op uses it, how the body around does, its name


def op_code(op: OpSchedule, ports: Ports) -> OpCode:
    """The code of an op. What was asked for with the same objects is remembered."""
    key = id(op), id(ports)
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _REMEMBERED:
            _KNOWN.clear()
        # The objects are kept with their code, so that nothing else gets their identity.
        found = _KNOWN[key] = _code(op, ports), op, ports
    return found[0]


_KNOWN: dict[tuple[int, int], tuple[OpCode, OpSchedule, Ports]] = {}
_REMEMBERED = 1 << 15


def _code(op: OpSchedule, ports: Ports) -> OpCode:
    steps = step_code(op.steps, ports)
    uses = [(c.ARRAY_READ, READER_0 << c.ARRAY_UNIT, name) for name in op.array_reads]
    uses += [(c.VECTOR_READ, READER_0 << c.VECTOR_UNIT, name) for name in op.vector_reads]
    uses += [(c.LOADED_0 + one.ring, READER_0 << c.LOAD_UNIT, one.tensor) for one in op.loaded]
    uses += [(c.KEPT, WHOLE, one.tensor) if one.whole else (c.KEPT_PART, PART, one.tensor) for one in op.kept]
    uses += [(c.STORED, WHOLE, one.tensor) if one.whole else (c.STORED_PART, PART, one.tensor) for one in op.stored]
    uses += [(c.OVERWRITES, ASKED, name) for name in op.overwrites]
    return OpCode(steps, tuple(uses))
