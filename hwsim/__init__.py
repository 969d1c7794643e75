"""hwsim: exact cycles, energy and memory traffic of quantised speech recognisers on accelerators.

Public names are resolved when they are first used, so that importing the package imports next to nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hwsim.quantities.offered import DOERS, Offer

if TYPE_CHECKING:
    from hwsim.engine.gemm import gemm as gemm
    from hwsim.engine.mvm import calibrate as calibrate
    from hwsim.engine.mvm import mvm as mvm
    from hwsim.inputs.chips import load_analog_chip as load_analog_chip
    from hwsim.inputs.chips import load_chip as load_chip
    from hwsim.inputs.load import load_prices as load_prices
    from hwsim.inputs.load import load_workload as load_workload
    from hwsim.inputs.result import load_result as load_result
    from hwsim.inputs.spoken import load_arrivals as load_arrivals
    from hwsim.inputs.spoken import load_lengths as load_lengths
    from hwsim.inputs.tile import load_tile as load_tile
    from hwsim.results.measured import Measured as Measured
    from hwsim.study.allocation.allocate import allocate as allocate
    from hwsim.study.band import band as band
    from hwsim.study.compare import compare as compare
    from hwsim.study.diff import diff as diff
    from hwsim.study.drawn_lengths import chosen_buckets as chosen_buckets
    from hwsim.study.drawn_lengths import lognormal_lengths as lognormal_lengths
    from hwsim.study.fleet import Fleet as Fleet
    from hwsim.study.frame import to_frame as to_frame
    from hwsim.study.paper_table import table as table
    from hwsim.study.recognise.call import recognise as recognise
    from hwsim.study.simulate import simulate as simulate
    from hwsim.study.streams import stream as stream
    from hwsim.study.sweep.call import sweep as sweep
    from hwsim.study.tuning.tune import tune as tune
    from hwsim.study.what_if import what_if as what_if

    __version__: str

_HOMES = {
    "Measured": "hwsim.results.measured",
    "allocate": "hwsim.study.allocation.allocate",
    "band": "hwsim.study.band",
    "calibrate": "hwsim.engine.mvm",
    "gemm": "hwsim.engine.gemm",
    "mvm": "hwsim.engine.mvm",
    "load_analog_chip": "hwsim.inputs.chips",
    "load_chip": "hwsim.inputs.chips",
    "load_prices": "hwsim.inputs.load",
    "load_result": "hwsim.inputs.result",
    "load_tile": "hwsim.inputs.tile",
    "load_workload": "hwsim.inputs.load",
    "simulate": "hwsim.study.simulate",
    "compare": "hwsim.study.compare",
    "table": "hwsim.study.paper_table",
    "to_frame": "hwsim.study.frame",
    "diff": "hwsim.study.diff",
    "what_if": "hwsim.study.what_if",
    "recognise": "hwsim.study.recognise.call",
    "stream": "hwsim.study.streams",
    "sweep": "hwsim.study.sweep.call",
    "tune": "hwsim.study.tuning.tune",
    "lognormal_lengths": "hwsim.study.drawn_lengths",
    "chosen_buckets": "hwsim.study.drawn_lengths",
    "load_lengths": "hwsim.inputs.spoken",
    "load_arrivals": "hwsim.inputs.spoken",
    "Fleet": "hwsim.study.fleet",
}

__all__ = [
    "Fleet",
    "Measured",
    "allocate",
    "band",
    "calibrate",
    "chosen_buckets",
    "compare",
    "diff",
    "gemm",
    "load_analog_chip",
    "load_arrivals",
    "load_chip",
    "load_lengths",
    "load_prices",
    "load_result",
    "load_tile",
    "load_workload",
    "lognormal_lengths",
    "mvm",
    "recognise",
    "simulate",
    "stream",
    "sweep",
    "table",
    "to_frame",
    "tune",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("hwsim")
    if name not in _HOMES:
        raise AttributeError(f"module 'hwsim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(["__version__", *__all__])


DOERS[Offer.TEXT] = ("hwsim.report.nouns", "noun_text")
DOERS[Offer.CHANGED] = ("hwsim.inputs.changed", "changed")
