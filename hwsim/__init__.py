"""hwsim: exact cycles, energy and memory traffic of quantised speech recognisers on accelerators.

Public names are resolved when they are first used, so that importing the package imports next to nothing else.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hwsim.quantities.offered import Offer, offer

if TYPE_CHECKING:
    from hwsim.engine.gemm import gemm as gemm
    from hwsim.inputs.load import load_chip as load_chip
    from hwsim.inputs.load import load_prices as load_prices
    from hwsim.inputs.load import load_workload as load_workload
    from hwsim.study.compare import compare as compare
    from hwsim.study.frame import to_frame as to_frame
    from hwsim.study.simulate import simulate as simulate

    __version__: str

_HOMES = {
    "gemm": "hwsim.engine.gemm",
    "load_chip": "hwsim.inputs.load",
    "load_prices": "hwsim.inputs.load",
    "load_workload": "hwsim.inputs.load",
    "simulate": "hwsim.study.simulate",
    "compare": "hwsim.study.compare",
    "to_frame": "hwsim.study.frame",
}

__all__ = ["compare", "gemm", "load_chip", "load_prices", "load_workload", "simulate", "to_frame"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("hwsim")
    if name not in _HOMES:
        raise AttributeError(f"module 'hwsim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *__all__]


def _lazily(module: str, name: str) -> Callable[..., Any]:
    """A function that is imported when it is first called."""
    return lambda *args: getattr(import_module(module), name)(*args)


offer(Offer.TEXT, _lazily("hwsim.report.nouns", "noun_text"))
offer(Offer.CHANGED, _lazily("hwsim.inputs.changed", "changed"))
