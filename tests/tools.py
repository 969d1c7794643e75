"""Programs that pip does not install and some tests need."""

import os

import pytest


def require(tool: str, problem: str | None) -> None:
    """Skips the test if a tool has a problem, and fails it if HWSIM_REQUIRE, a list with commas, names the tool.

    Continuous integration names them all, so that no test is lost there in silence.
    """
    if problem is None:
        return
    if tool in os.environ.get("HWSIM_REQUIRE", "").split(","):
        pytest.fail(f"HWSIM_REQUIRE names {tool}, but {problem}", pytrace=False)
    pytest.skip(f"{tool}: {problem}")
