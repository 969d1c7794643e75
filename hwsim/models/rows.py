"""Batches whose size changes from step to step: the tensors have room for the largest, ops work on what is there."""

from dataclasses import replace

from hwsim.ir.tensor import Role
from hwsim.ir.view import View, window
from hwsim.models.fragment import Fragment
from hwsim.passes.views import with_views
from hwsim.quantities.share import Share


def with_rows(part: Fragment, rows: Share) -> Fragment:
    """The part, of whose activations only so many first rows are there."""
    own = {tensor.name for tensor in part.tensors if tensor.role is Role.ACTIVATION}

    def here(view: View) -> View:
        if view.tensor not in own:
            return view
        return replace(view, windows=(window(0, count=rows), *view.windows))

    return replace(part, nodes=tuple(with_views(node, here) for node in part.nodes))
