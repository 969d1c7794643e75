"""What a model file carries beside its program: numbers and scales, and the names by which it speaks of its values."""

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.ir.workload import ModelFile, Workload
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.tflite.rules import Rule


@dataclass(frozen=True, slots=True)
class Named:
    """A value by its name in the file: where it stands in the program, and its shape in the file."""

    name: str
    view: View
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StageMarks:
    """A model among several, which may run several times: the nodes with which a run of it begins and ends.

    `fresh` are states that begin with zero in each run; ops in `once` are part of the first run alone. `results` are
    what the model leaves in each run, by their names among those of all models.
    """

    first: str
    last: str
    fresh: tuple[str, ...]
    once: tuple[str, ...]
    results: tuple[Named, ...]


class NoValues(ModelFile):
    """What stands for the numbers of files with which nobody computes."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Carried(ModelFile):
    """The numbers of a file: integers where the program's tensors are integers, but for biases, which are real numbers.

    `grids` are the scales of integer tensors, decided by whoever made the file; without any the program is one of
    floats. `told` is what a reader should know of how the file was read.
    """

    numbers: Mapping[str, NDArray[Any]]
    grids: Mapping[str, QuantParams]
    inputs: tuple[Named, ...]
    outputs: tuple[Named, ...]
    told: tuple[str, ...] = ()
    products: Mapping[str, int] = field(default_factory=dict)
    """Products by the formats of their operands."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Ops by the names of nodes that have no op of their own name."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """What ops compute in integers, by their names, where the file's own convention says so."""
    lasting: tuple[str, ...] = ()
    """States that are there from one run of the model to the next, as variables are."""
    stages: tuple[StageMarks, ...] = ()
    """The models of which this is made, if there are several."""
    for_shapes: Callable[[Mapping[str, tuple[int, ...]]], Workload | None] | None = None
    """The same workload for as many invocations or frames as arrays of these shapes are for, if nobody said how many
    there are; None, if they are for none."""

    @property
    def leaving(self) -> tuple[Named, ...]:
        """All results, those of each stage too."""
        return (*self.outputs, *(one for stage in self.stages for one in stage.results))

    @property
    def quantised(self) -> bool:
        """Whether the file says in which formats its values are."""
        return bool(self.grids)

    @cached_property
    def reals(self) -> Mapping[str, NDArray[np.float32]]:
        """What all numbers stand for."""
        return {
            name: self.grids[name].real(values) if name in self.grids else values
            for name, values in self.numbers.items()
        }


def real_parameters(carried: Carried, program: Program) -> dict[str, NDArray[np.float32]]:
    """What the parameters of a program stand for."""
    names = {tensor.name for tensor in program.tensors if tensor.role in (Role.WEIGHT, Role.BIAS, Role.TABLE)}
    return {name: values for name, values in carried.reals.items() if name in names}
