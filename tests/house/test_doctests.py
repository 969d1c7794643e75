"""Every example in a docstring of the package, and in the page on SCALE-Sim, runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import hwsim
from data import ROOT

MODULES = sorted(module.name for module in pkgutil.walk_packages(hwsim.__path__, "hwsim."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [case for name in MODULES for case in finder.find(importlib.import_module(name)) if case.examples]
    assert len(examples) > 20


def test_the_worked_examples_of_the_documentation_hold() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "scalesim.md"), module_relative=False, encoding="utf-8")
    assert found.failed == 0
    assert found.attempted > 20
