"""Where a result comes from: versions of packages, and hashes and sources of all inputs."""

import platform
from collections.abc import Mapping
from functools import cache

from hwsim.hardware.chip import Machine
from hwsim.hardware.prices import PriceTable
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import fingerprint, sources_of
from hwsim.quantities.registry import IdentityCache
from hwsim.results.result import Engine, Provenance

Pairs = tuple[tuple[str, str], ...]


def provenance_of(chip: Machine, workload: Workload, table: PriceTable, files: Mapping[str, str]) -> Provenance:
    """Versions of packages, and hashes and sources of all inputs.

    A screen shows neither versions nor hashes, and whoever only looks at it does not wait for them.
    """
    now = {
        "files": sorted_pairs(files),
        "sources": _SOURCES.of(chip, workload, make=lambda: _sources(chip, workload)),
        "engine": Engine.FAST,
        "seed": None,
    }
    return Provenance.later(now, lambda: {"versions": versions(), "inputs": _hashes(chip, workload, table)})


def _hashes(chip: Machine, workload: Workload, table: PriceTable) -> Pairs:
    """The hashes of all inputs; a program without a recipe describes itself."""
    described = workload.program if workload.recipe is None else workload.recipe
    inputs = {"chip": chip, "workload": described, "prices": table, "precision": workload.precision}
    return sorted_pairs({what: hash_of(noun) for what, noun in inputs.items()})


_HASHES = IdentityCache[str](most=64)
_SOURCES = IdentityCache[Pairs](most=16)


def hash_of(noun: object) -> str:
    """The hash of an input."""
    return _HASHES.of(noun, make=lambda: fingerprint(noun))


@cache
def versions() -> Pairs:
    """Versions of what results depend on."""
    # Imported here because it reads metadata as mail is read, with all that this takes.
    from importlib.metadata import version

    found = {package: version(package) for package in ("hwsim", "numpy", "numba")}
    return sorted_pairs({**found, "python": platform.python_version()})


def _sources(chip: Machine, workload: Workload) -> Pairs:
    sources = {f"chip.{field}": source for field, source in sources_of(chip, chip.sources).items()}
    recipe = workload.recipe
    if recipe is not None:
        sources |= {f"workload.{field}": source for field, source in sources_of(recipe, recipe.sources).items()}
    return sorted_pairs(sources)
