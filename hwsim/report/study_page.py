"""The page of a study as Markdown: what it asks, predictions beside what was published, its tables and figures."""

from collections.abc import Iterator, Sequence

from hwsim.report.plots.registry import Drawing
from hwsim.report.recognition import recognition_title
from hwsim.report.study_tables import CLAIMS, RUNS, study_tables
from hwsim.report.written_table import in_markdown, words_in_markdown
from hwsim.results.study_outcome import ClaimOutcome, HeardInStudy, StudyOutcome

FIGURES = "figures"
"""The folder of a study's figures."""


def study_markdown(outcome: StudyOutcome, figures: Sequence[tuple[str, Drawing]]) -> str:
    """The page, with the figures' files by name."""
    return "\n".join(_blocks(outcome, figures)).rstrip() + "\n"


def _blocks(outcome: StudyOutcome, figures: Sequence[tuple[str, Drawing]]) -> Iterator[str]:
    yield f"# {words_in_markdown(outcome.file.title)}\n"
    yield f"{outcome.file.question.strip()}\n"
    tables = dict(study_tables(outcome))
    runs, heard = tables.pop(RUNS), {one.name: one for one in outcome.recognitions}
    for name, table in tables.items():
        yield f"## {words_in_markdown(table.caption)}\n"
        yield table.markdown()
        if name == CLAIMS:
            yield from _remarks(outcome.claims)
        if name in heard:
            yield from _heard(heard[name])
    if figures:
        yield "## Figures\n"
    for name, drawing in figures:
        yield f"![{in_markdown(drawing.title)}]({FIGURES}/{name}.svg)\n"
        yield f"*{in_markdown(drawing.title)}.* {in_markdown(drawing.plot.caption)}\n"
    if outcome.reading:
        yield f"{outcome.reading.strip()}\n"
    if outcome.runs:
        yield f"## {words_in_markdown(runs.caption)}\n"
        yield runs.markdown()
    yield f"<!-- written by `hwsim report {outcome.name}` from study.yaml -->"


def _heard(heard: HeardInStudy) -> Iterator[str]:
    """What was heard, and how to hear it again, or to open one of its runs."""
    found = heard.found
    drawn = max(len(run.draws) for run in found.runs)
    of_devices = f" Rates on tiles are means of {drawn} drawn devices, which the intervals draw, too." if drawn else ""
    yield f"{in_markdown(recognition_title(found))}. Search: {in_markdown(found.runs[0].search)}.{of_devices}\n"
    yield f"```\n{heard.command}\n```\n"
    yield "hears this again; with `--open N` it shows the run of line N in full, as `hwsim run` shows runs.\n"


def _remarks(claims: Sequence[ClaimOutcome]) -> Iterator[str]:
    """What was assumed for each prediction, and why it misses; what is said alike is said once."""
    said: dict[str, list[str]] = {}
    for one in claims:
        for label, text in (("Assumed", one.claim.assumed), ("Why", one.claim.why)):
            if text is not None:
                said.setdefault(f"{label}: {text}", []).append(one.claim.what)
    for text, whats in said.items():
        yield f"- *{in_markdown('; '.join(whats))}.* {text}"
    if said:
        yield ""
