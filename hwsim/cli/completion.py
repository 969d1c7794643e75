"""What the shell completes: shipped names, policies, and what a workload or chip that stands before calls its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from hwsim.errors import UserError
from hwsim.inputs.shipped import Kind, names


class _Known(click.ParamType, ABC):  # type: ignore[type-arg]  # generic in newer versions alone
    """A text, of which some are known."""

    name = "text"

    @abstractmethod
    def known(self, ctx: click.Context) -> Iterable[str]:
        """All that can stand here, as far as the parameters before it tell."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name) for name in self.known(ctx) if name.startswith(incomplete)]
        except UserError:  # what stands before it is not right yet
            return []


class Named(_Known):
    """A file of one of these kinds, or the name of a shipped one."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds

    def known(self, ctx: click.Context) -> Iterable[str]:
        return [name for kind in self.kinds for name in names(kind)]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [*super().shell_complete(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


ARCH, WORKLOAD, ANY = Named(Kind.ARCH), Named(Kind.WORKLOAD), Named(*Kind)


class Policies(_Known):
    """A precision policy, or several with commas between them."""

    def __init__(self, *, several: bool = False) -> None:
        self.several = several

    def known(self, ctx: click.Context) -> Sequence[str]:
        from hwsim.quantities.precision import POLICIES

        return POLICIES

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        return [CompletionItem(f"{before}{comma}{one.value}") for one in super().shell_complete(ctx, param, last)]


class Ops(_Known):
    """An op of the workload."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.load import load_workload

        return [placed.op.name for placed in load_workload(_before(ctx, "workload")).program.placed()]


class Dimensions(_Known):
    """A dimension of the workload, with the number that it gets."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.load import load_workload
        from hwsim.models.dimensions import dimensions

        return [f"{name}=" for name in dimensions(load_workload(_before(ctx, "workload")).recipe)]


class Points(_Known):
    """An operating point of the chip."""

    def known(self, ctx: click.Context) -> Iterable[str]:
        from hwsim.inputs.load import load_chip

        return [name for name, _ in load_chip(_before(ctx, "arch")).operating_points]


def _before(ctx: click.Context, parameter: str) -> str:
    """An argument that stands before the word that is being written."""
    if ctx.params.get(parameter) is not None:
        return str(ctx.params[parameter])
    # After an option that waits for its value nothing is parsed: arguments are left in their order.
    arguments = [param.name for param in ctx.command.params if isinstance(param, click.Argument)]
    return dict(zip(arguments, ctx.args, strict=False)).get(parameter, "")
