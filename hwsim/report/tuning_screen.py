"""A tuned chip for a terminal: the best changes first, then what twice and half of each resource come to."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.headline_figures import Headline
from hwsim.results.sweep_file import FIGURES, more_is_better
from hwsim.results.tuning import Trial, TuningOutcome, gains

SHOWN = (Headline.LATENCY, Headline.ENERGY, Headline.POWER, Headline.AREA)
MOST_REFUSED = 3


def tuning_text(outcome: TuningOutcome, screen: Screen) -> str:
    """The whole of it."""
    blocks: list[Text | Table] = [_head(outcome), Text(answer_text(outcome))]
    if outcome.answers:
        blocks.append(_trials(outcome, outcome.answers, f"Best sets of at most {_changes(outcome.most_changes)}"))
    for larger, title in ((True, "What the next doubling buys"), (False, "What half would cost")):
        alone = [trial for trial in outcome.alone if trial.moves[0].larger is larger]
        if alone:
            alone.sort(key=lambda trial: -trial.gain(outcome.as_it_is, outcome.best))
            blocks.append(_trials(outcome, alone, title))
    if outcome.refused:
        rest = len(outcome.refused) - MOST_REFUSED
        lines = [f"{title} is refused: {why}" for title, why in outcome.refused[:MOST_REFUSED]]
        blocks.append(Text("\n".join([*lines, *([f"{rest} more are refused"] if rest > 0 else [])])))
    return render(blocks, screen)


def _changes(count: int) -> str:
    return f"{count} change{'s' * (count > 1)}"


def _head(outcome: TuningOutcome) -> Text:
    now = outcome.as_it_is
    figures = ", ".join(f"{one.label} {headline_text(one, dict(now.figures)[one])}" for one in SHOWN)
    within = f"; within {', '.join(outcome.within)}" if outcome.within else ""
    return Text.assemble(
        (f"{outcome.workload} in {outcome.precision} on {outcome.chip}", "bold"),
        f"\nas it is: {figures}; {now.binds} takes most of the time{within}; {outcome.runs:,} runs",
    )


def answer_text(outcome: TuningOutcome) -> str:
    """The best set of changes, in a sentence."""
    label = FIGURES[outcome.best].label
    if not outcome.answers or not gains(outcome.answers[0].gain(outcome.as_it_is, outcome.best)):
        keeps = "" if outcome.as_it_is.fits else ", and the chip as it is passes a limit"
        return f"No set of at most {_changes(outcome.most_changes)} within the limits gains anything in {label}{keeps}."
    first = outcome.answers[0]
    gain = first.gain(outcome.as_it_is, outcome.best)
    more = "more" if more_is_better(outcome.best) else "less"
    how = f"{written(gain)} times as fast" if outcome.best == "latency" else f"{written(gain)} times {more} {label}"
    reached = headline_text(FIGURES[outcome.best], first.figure(outcome.best))
    others = ", ".join(
        f"{one.label} {headline_text(one, dict(first.figures)[one])}"
        for one in SHOWN
        if one is not FIGURES[outcome.best]
    )
    return f"{first.title}: {how} ({reached}; {others}); {first.reason}"


def _trials(outcome: TuningOutcome, trials: Sequence[Trial], title: str) -> Table:
    """Changes with the figure that is sought, those that are limited, and others as far as there is room."""
    limited = [FIGURES[text.partition("=")[0].strip()] for text in outcome.within]
    wanted = dict.fromkeys([FIGURES[outcome.best], *limited, Headline.ENERGY, Headline.AREA, Headline.LATENCY])
    named = list(wanted)[: max(3, 1 + len(limited))]
    table = new_table("change", "gain", *(one.label for one in named), "why", title=title)
    for trial in trials:
        figures = dict(trial.figures)
        table.add_row(
            trial.title,
            gain_text(trial.gain(outcome.as_it_is, outcome.best)),
            *(headline_text(one, figures[one]) for one in named),
            ("" if trial.fits else "passes a limit; ") + (trial.reason or ""),
        )
    return table


def gain_text(gain: float) -> str:
    """How many times better something is.

    >>> gain_text(1.514), gain_text(1.0001), gain_text(0.5)
    ('1.51 ×', 'none', '0.500 ×')
    """
    return f"{written(gain)} ×" if gains(gain) or gains(1 / gain) else "none"


def trial_rows(outcome: TuningOutcome) -> list[dict[str, Any]]:
    """A row for the chip as it is, every change alone, and the best sets."""
    listed = [("as it is", outcome.as_it_is), *(("alone", trial) for trial in outcome.alone)]
    listed += [("answer", trial) for trial in outcome.answers]
    return [
        {
            "kind": kind,
            "changes": trial.title,
            "fields": ", ".join(f"{path}={after}" for move in trial.moves for path, _, after in move.fields),
            "gain": trial.gain(outcome.as_it_is, outcome.best),
            **{figure.value: value for figure, value in trial.figures},
            "fits": trial.fits,
            "binds": trial.binds,
            "reason": trial.reason,
        }
        for kind, trial in listed
    ]


def tornado_rows(outcome: TuningOutcome) -> list[dict[str, Any]]:
    """Half and twice of each resource as the ends of a field, for the figure of a band."""
    resources = list(dict.fromkeys(trial.moves[0].resource for trial in outcome.alone))
    ends = {(trial.moves[0].resource, trial.moves[0].larger): trial for trial in outcome.alone}
    rows = []
    for figure in (Headline.LATENCY, Headline.ENERGY, Headline.POWER, Headline.AREA):
        now = dict(outcome.as_it_is.figures)[figure]
        own = []
        for resource in resources:
            low, high = (
                dict(ends[resource, larger].figures)[figure] if (resource, larger) in ends else now
                for larger in (False, True)
            )
            own.append(
                {"figure": figure.value, "unit": figure.unit, "as_it_is": now, "field": resource, "low": "½",
                 "nominal": "1", "high": "2", "at_low": low, "at_high": high,
                 "reach": max(low, high, now) - min(low, high, now)}
            )  # fmt: skip
        rows += sorted(own, key=lambda row: -row["reach"])
    return rows
