"""Weights that were trained for a policy: `weights.w4a4.safetensors` beside a workload, heard as `w4a4:trained`."""

from collections.abc import Sequence
from pathlib import Path

from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.files import Kind, locate
from hwsim.inputs.model_files import is_model_file
from hwsim.quantities.precision import POLICIES, policy

MARK = ":trained"
"""Behind a policy: with the weights that were trained for it."""


def trained_file(name: str) -> str:
    """How the file of weights is called that were trained for a policy.

    >>> trained_file("w4a4")
    'weights.w4a4.safetensors'
    """
    return f"weights.{name}.safetensors"


def policy_in(precision: str) -> str:
    """The policy of a run.

    >>> policy_in("w4a4:trained"), policy_in("w4a4")
    ('w4a4', 'w4a4')
    """
    return precision.removesuffix(MARK)


def trained_for(precisions: Sequence[str | None]) -> tuple[str, ...]:
    """The policies whose own weights some of these runs need.

    >>> trained_for(["fp32", "w4a4", "w4a4:trained", None])
    ('w4a4',)
    """
    return tuple(dict.fromkeys(policy_in(one) for one in precisions if one is not None and one.endswith(MARK)))


def check_precision(precision: str) -> None:
    """Refuse what is neither a policy nor one with its own weights."""
    if policy(policy_in(precision)).weight.floating and precision.endswith(MARK):
        law = f"is a policy of floats, whose weights are those of {policy_in(precision)} alone; leave {MARK} out"
        raise InvalidValue("precision", precision, law)


def precisions_beside(workload: str) -> tuple[str, ...]:
    """What is heard where nobody says in what: nothing, as in the workload's own file, unless weights that were trained
    for a policy lie beside it: then single precision, eight bits, and such policies before and after training.

    A model file carries its own weights, and none lie beside it.
    """
    if is_model_file(workload):
        return ()
    folder = locate(Kind.WORKLOAD, workload).path.parent
    found = [name for name in POLICIES if (folder / trained_file(name)).is_file()]
    return ("fp32", "w8a8", *(row for name in found for row in (name, name + MARK))) if found else ()


def trained_path(folder: Path, name: str, workload: str) -> Path:
    """The file of the weights that were trained for a policy, beside a workload."""
    path = folder / trained_file(name)
    if not path.is_file():
        raise Unsupported(f"{name}{MARK}: {workload} has no {path.name} beside it; ask for {name} alone")
    return path
