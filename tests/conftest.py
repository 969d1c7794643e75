"""Settings for all tests.

Property tests draw the same examples each time, so that a failure is never somebody else's; with HWSIM_EXPLORE set
they draw new ones, to look for what has not been met yet. The end of a run says which paths this processor lacks.
"""

import os

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("explore" if os.environ.get("HWSIM_EXPLORE") else "same")


def pytest_configure() -> None:
    hidden = os.environ.get("HWSIM_WITHOUT")
    if hidden:
        import processor

        processor.hide(hidden)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.config.option.collectonly:
        return
    import processor

    ran = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    properties = [report.user_properties for report in ran if report.when == "call"]
    skips = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    terminalreporter.write_line(processor.processor_line(properties, skips))
