"""The scripts of the checkout as modules, so that their pure parts can be tested."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

from data import ROOT


def script(name: str) -> Any:
    """The module that `scripts/NAME` is, not run."""
    loader = SourceFileLoader(f"scripts_{name}", str(ROOT / "scripts" / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    sys.modules[loader.name] = module = module_from_spec(spec)  # where dataclasses look for it
    loader.exec_module(module)
    return module
