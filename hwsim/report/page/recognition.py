"""The page of a recognition: its first screen, its figures, all runs, and what was heard where it was wrong."""

from hwsim.report.numbers import joules, scaled
from hwsim.report.page.listings import flat_lines
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Shown
from hwsim.report.plots.sets import recognition_drawings
from hwsim.report.recognition import front_of, heard_name, recognition_text, recognition_title
from hwsim.results.recognition import Recognitions


def recognition_page(found: Recognitions, command: str) -> str:
    """The page of what this command found."""
    wide, narrow = (recognition_text(found, screen) for screen in SCREENS)
    return Page(
        title=recognition_title(found),
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(drawing) for drawing in recognition_drawings(found)],
        listings=[_runs(found), _wrong(found)],
        provenance=[*((f"file {name}", value) for name, value in found.files), *found.versions],
    ).html()


def _runs(found: Recognitions) -> Listing:
    best = front_of(found)
    return Listing(
        name="runs",
        short="Runs",
        title="Errors and energy of all runs",
        columns=("run", "chip", "errors", "rate", "from", "to", "mJ / s of audio", "RTF", "energy", "model", "front"),
        lines=flat_lines(
            (
                Cell(run.label),
                Cell(run.chip if run.cost is not None else ""),
                Cell(f"{run.rate.errors:,}", run.rate.errors),
                *(Cell(f"{100 * share:.1f} %", share) for share in (run.rate.rate, run.rate.low, run.rate.high)),
                *(
                    [Cell("")] * 4
                    if run.cost is None
                    else [
                        Cell(f"{run.cost.energy_per_audio_second_mj:.3g}", run.cost.energy_per_audio_second_mj),
                        Cell(f"{run.cost.rtf:.3g}", run.cost.rtf),
                        Cell(joules(run.cost.energy_aj), run.cost.energy_aj / 10**15),
                        Cell(scaled(run.cost.model_bytes, "B"), run.cost.model_bytes),
                    ]
                ),
                Cell("yes" if run.label in best else ""),
            )
            for run in found.runs
            if run.rates
        ),
    )


def _wrong(found: Recognitions) -> Listing:
    return Listing(
        name="heard",
        short="Heard",
        title="Utterances with errors: what was said, and heard",
        columns=("run", "utterance", "errors", "said", "heard"),
        lines=flat_lines(
            (Cell(run.label), Cell(heard_name(one)), Cell(str(one.errors), one.errors), Cell(one.said), Cell(one.heard))
            for run in found.runs
            for one in run.utterances
            if one.errors
        ),
    )
