"""What a run would take if one thing beside the cycles of the chip took no time."""

from hwsim.report.numbers import figure, seconds
from hwsim.results.result import Summary


def without_each(summary: Summary) -> list[tuple[str, str, str]]:
    """A line each for launch, dispatch and host, of those that take time; and one for both starts, if both do."""
    launch_ms = summary.launch_ms - summary.dispatch_ms
    starts_ms = summary.launch_ms if launch_ms and summary.dispatch_ms else 0.0
    told = (
        ("launch", launch_ms, "starting the program took no time"),
        ("dispatch", summary.dispatch_ms, f"starting {summary.dispatched:,} runs of ops took no time"),
        ("starts", starts_ms, "neither of these took time"),
        ("host", summary.host_ms, "the host took no time"),
    )
    return [(f"without {name}", *_less(summary, ms, why)) for name, ms, why in told if ms]


def _less(summary: Summary, ms: float, why: str) -> tuple[str, str]:
    """Latency and real-time factor with so much less to wait for."""
    left = (summary.latency_ms - ms) / 1000
    return seconds(left), f"RTF {figure(left / summary.audio_seconds)}, if {why}"
