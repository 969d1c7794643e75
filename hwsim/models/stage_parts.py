"""A model file's program as a part of a larger one: under the name of its stage, its inputs and results by name."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from hwsim.dataclass import dataclass
from hwsim.ir.program import Program
from hwsim.ir.renaming import renamed, renamed_view
from hwsim.ir.tensor import Tensor
from hwsim.ir.view import Affine, View, Window
from hwsim.models.fragment import Fragment
from hwsim.models.staged import Stage


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a stage: its tensor, and the view of it that has its entries in the order of the file."""

    tensor: Tensor
    view: View

    @property
    def shape(self) -> tuple[int, ...]:
        return self.view.shape_in(self.tensor.shape)

    @property
    def elements(self) -> int:
        return prod(self.shape)

    def rows(self, row: Tensor) -> tuple[int, int] | None:
        """The first axis along which an input takes one entry after another, and how many there are."""
        for axis, size in enumerate(self.shape):
            if size > 1 and self.elements == size * row.elements:
                return axis, size
        return None

    def row(self, axis: int, place: Affine, *, wraps: bool) -> View | None:
        """One entry along an axis; None, if the result is a part of a tensor along it."""
        own = axis if self.view.order is None else self.view.order[axis]
        if any(window.axis == own for window in self.view.windows):
            return None
        one = Window(axis=own, start=place, count=1, wraps=wraps)
        return replace(self.view, windows=tuple(sorted((*self.view.windows, one), key=lambda window: window.axis)))


@dataclass(frozen=True, slots=True)
class Part:
    """A stage as ops and tensors, and the tensors of its inputs and views of its results by their names in the file."""

    stage: Stage
    fragment: Fragment
    inputs: Mapping[str, str]
    results: Mapping[str, View]

    def tensor(self, name: str) -> Tensor:
        """A tensor of the stage."""
        return next(one for one in self.fragment.tensors if one.name == name)

    def result(self, name: str) -> Result:
        """A result by its name in the file."""
        view = self.results[name]
        return Result(self.tensor(view.tensor), view)


def part_of_program(stage: Stage, program: Program, inputs: Mapping[str, str], results: Mapping[str, View]) -> Part:
    """A model's program with the name of its stage before all of its own names."""

    def named(name: str) -> str:
        return f"{stage.name}.{name}"

    inside = renamed(program, named)
    return Part(
        stage,
        Fragment(inside.tensors, inside.body),
        {name: named(inner) for name, inner in inputs.items()},
        {name: renamed_view(view, named) for name, view in results.items()},
    )
