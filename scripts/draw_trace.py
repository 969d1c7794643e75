"""Draw the beginning of a trace that `hwsim run --trace FILE` wrote: a row a track, a curve a counter.

Example: python scripts/draw_trace.py trace.json trace.png --until 2
"""

import json
from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from hwsim.schedule.unit_table import StallReason

_REASONS = {reason.in_full: f"C{place + 3}" for place, reason in enumerate(StallReason)}
_MOST_CURVES = 12

Events = list[dict[str, Any]]


def draw_slices(events: Events, until_us: float, axes: Axes) -> None:
    """The slices of all tracks; ops that follow each other in turns of colour, stalls in those of their reasons."""
    named = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    tracks = sorted(named)
    colours: dict[str, str] = dict(_REASONS)
    spots = defaultdict[tuple[int, str], list[tuple[float, float]]](list)
    for event in events:
        if event["ph"] == "X" and event["ts"] < until_us:
            colour = colours.setdefault(event["name"], f"C{(len(colours) - len(_REASONS)) % 3}")
            spots[event["tid"], colour].append((event["ts"] / 1000, event["dur"] / 1000))
    # One collection for all slices of a colour: tens of thousands of collections take minutes to draw.
    for (track, colour), slices in spots.items():
        axes.broken_barh(slices, (tracks.index(track) - 0.4, 0.8), facecolors=colour, linewidth=0, snap=False)
    axes.set_yticks(range(len(tracks)), [named[track] for track in tracks])
    axes.invert_yaxis()
    if any(name in _REASONS for name in (event["name"] for event in events)):
        patches = [Patch(color=colour, label=reason) for reason, colour in _REASONS.items()]
        axes.legend(handles=patches, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(patches), fontsize=7)


def draw_levels(name: str, events: Events, until_us: float, axes: Axes) -> None:
    """The levels of a counter as steps."""
    inside = [event for event in events if event["ts"] < until_us]
    (unit,) = {key for event in inside for key in event["args"]} or {""}
    values = [event["args"][unit] for event in inside]
    axes.fill_between([event["ts"] / 1000 for event in inside], values, step="post", alpha=0.7)
    axes.set_ylabel(f"{name}\n{unit}", rotation=0, ha="right", va="center", fontsize=7)


def main() -> None:
    """Read a trace, and draw its beginning."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("trace", type=Path)
    arguments.add_argument("picture", type=Path)
    arguments.add_argument("--until", type=float, default=1.0, help="milliseconds; default: 1")
    asked = arguments.parse_args()
    trace = json.loads(asked.trace.read_text())
    events, until_us = trace["traceEvents"], 1000 * asked.until
    counters = defaultdict[str, Events](list)
    for event in events:
        if event["ph"] == "C":
            counters[event["name"]].append(event)
    shown = sorted(counters.items())[:_MOST_CURVES]
    rows = [4.0, *(0.6 for _ in shown)]
    figure, (slices, *levels) = plt.subplots(
        len(rows), 1, sharex=True, figsize=(14, sum(rows) + 1), height_ratios=rows, squeeze=True
    )
    draw_slices(events, until_us, slices)
    for axes, (name, found) in zip(levels, shown, strict=True):
        draw_levels(name, found, until_us, axes)
    slices.set_title(f"{events[0]['args']['name']}: {trace['otherData']['shown']}", fontsize=9, pad=22)
    (levels or [slices])[-1].set_xlabel("ms")
    slices.set_xlim(0, asked.until)
    figure.tight_layout()
    figure.savefig(asked.picture, dpi=110)


if __name__ == "__main__":
    main()
