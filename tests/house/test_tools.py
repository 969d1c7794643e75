"""A missing tool is never lost in silence: its tests are skipped with the reason, or fail where it is required."""

import pytest

from tools import require


def test_a_missing_tool_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSIM_REQUIRE", "chromium")
    with pytest.raises(pytest.skip.Exception, match="rtl: iverilog is not installed"):
        require("rtl", "iverilog is not installed")


def test_a_missing_tool_that_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSIM_REQUIRE", "rtl,chromium")
    with pytest.raises(pytest.fail.Exception, match="HWSIM_REQUIRE names rtl, but iverilog is not installed"):
        require("rtl", "iverilog is not installed")


def test_a_tool_that_is_there_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSIM_REQUIRE", "rtl")
    require("rtl", None)
