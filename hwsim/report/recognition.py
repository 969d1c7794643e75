"""What a recognition prints and writes: error rates with intervals, cost, and what was heard beside what was said."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.quantities.plain_data import flat
from hwsim.report.export import to_csv, to_json
from hwsim.report.numbers import joules, percent, scaled, seconds
from hwsim.report.tables import MOST_LINES, TIE, Screen, new_table, render
from hwsim.results.recognition import CHIP, ErrorRate, HeardUtterance, Recognition, Recognitions

FILES = ("recognition.json", "rates.csv", "utterances.csv", "buckets.csv")
DRAWS = "draws.csv"
"""The file of rates on single devices, if several were drawn."""


def recognition_files(found: Recognitions) -> dict[str, str]:
    """The files of a recognition by name."""
    rates, heard, buckets, draws = [], [], [], []
    for run in found.runs:
        rates += [{"run": run.label, **flat(rate), "errors": rate.errors} for rate in run.rates]
        heard += [{"run": run.label, **flat(one), "errors": one.errors} for one in run.utterances]
        draws += [{"run": run.label, **flat(draw)} for draw in run.draws]
        if run.cost is not None:
            buckets += [{"run": run.label, **flat(bucket)} for bucket in run.cost.buckets]
    contents = to_json(found), to_csv(rates), to_csv(heard), to_csv(buckets)
    return dict(zip(FILES, contents, strict=True)) | ({DRAWS: to_csv(draws)} if draws else {})


def recognition_text(found: Recognitions, screen: Screen) -> str:
    """The rates in each precision, and of the first utterances with errors what was said and heard, on one screen."""
    title = recognition_title(found)
    for most in range(MOST_LINES, -1, -1):
        blocks: list[Text | Table] = [Text(title, style="bold"), _what(found), *_rates(found)]
        blocks += [*_front(found), *_beside(found.runs[-1], most)]
        text = render(blocks, screen)
        if text.count("\n") <= MOST_LINES:
            break
    return text


def recognition_title(found: Recognitions) -> str:
    """What was recognised on what."""
    first = found.runs[0]
    count = len(first.utterances) // max(1, len(first.draws))
    said = f"{count:,} utterances, {seconds(first.audio_seconds)} of audio"
    *others, last = dict.fromkeys(run.chip for run in found.runs)
    chips = f"{', '.join(others)} and {last}" if others else last
    return f"{first.workload} on {chips}: {said}"


def front_of(found: Recognitions) -> list[str]:
    """The labels of the timed runs that no other beats: with fewer errors for no more energy, or for less no more."""
    timed = [
        (run.cost.energy_per_audio_second_mj, run.rate.rate, run.label)
        for run in found.runs
        if run.rates and run.cost is not None
    ]

    def beaten(energy: float, rate: float) -> bool:
        return any(e <= energy and r <= rate and (e < energy or r < rate) for e, r, _ in timed)

    return [label for energy, rate, label in sorted(timed) if not beaten(energy, rate)]


def _what(found: Recognitions) -> Text:
    first = found.runs[0]
    scales = dict.fromkeys(run.scales for run in found.runs if run.scales != "none are needed")
    of_scales = f" Scales of activations: {'; '.join(scales)}." if scales else ""
    asked = dict.fromkeys(run.quantisers for run in found.runs if run.quantisers)
    of_scales += f" Quantisers: {'; '.join(asked)}." if asked else ""
    lengths = max((len(run.cost.buckets) for run in found.runs if run.cost is not None), default=0)
    timed = f" Time and energy from {lengths} length{'s' * (lengths > 1)} of audio." if lengths else ""
    names = _varied(found)
    of_scales += f" Varied: {', '.join(names)}." if names else ""
    drawn = max(len(run.draws) for run in found.runs)
    on_devices = f"; on tiles rates are means of {drawn} drawn devices, and sets of devices too" if drawn else ""
    intervals = f" Intervals hold 95 of 100 drawn sets of utterances{on_devices}." if first.rates else ""
    return Text(f"Search: {first.search}.{intervals}{of_scales}{timed}")


def _varied(found: Recognitions) -> list[str]:
    """The fields in which runs on a chip differ."""
    return [path for path in dict.fromkeys(path for run in found.runs for path, _ in run.varied) if path != CHIP]


def _rates(found: Recognitions) -> list[Table]:
    first, runs = found.runs[0], found.runs
    costs = any(run.cost is not None for run in runs)
    varied = bool(_varied(found))
    drawn = any(run.draws for run in runs)
    devices = ("devices from to",) if drawn else ()
    rates = (f"{first.token} errors", "95 % from to", "sub", "del", "ins", *devices) if first.rates else ()
    prices = ("RTF", "energy", "area" if varied else "model") if costs else ()
    table = new_table("", *rates, *prices)
    for run in runs:
        cells = (*_rate_cells(run.rate), *([_over_devices(run)] if drawn else [])) if rates else ()
        table.add_row(_tied(run.label), *cells, *(_cost_cells(run, varied=varied) if costs else ()))
    tables = [table] if rates or costs else []
    if found.changes and len(runs) <= MOST_CHANGES:
        tables.append(_changes(found))
    if len(first.rates) > 1 and len(runs) <= MOST_COLUMNS:
        groups = new_table("group", *(run.label for run in runs), title=f"{first.token} errors by group")
        for place, rate in enumerate(first.rates[1:], 1):
            groups.add_row(rate.group or "(none)", *(_short(run.rates[place]) for run in runs))
        tables.append(groups)
    return tables


MOST_CHANGES, MOST_COLUMNS = 8, 4
"""Runs whose differences, and whose groups, are shown on one screen; --json and --out have all of them."""


def _front(found: Recognitions) -> list[Text]:
    """Which runs nobody beats, where runs on several chips are compared."""
    front = front_of(found)
    if len({run.chip for run in found.runs}) == 1:
        return []
    return [Text(f"Beaten by no other in errors and energy: {'; '.join(front)}.")]


def _changes(found: Recognitions) -> Table:
    table = new_table("", f"against {found.runs[0].label}", "95 % from to", "worse in")
    for one in found.changes:
        interval = f"{100 * one.low:+.1f} {100 * one.high:+.1f}"
        table.add_row(_tied(one.run), f"{100 * one.change:+.1f} points", interval, percent(one.worse))
    return table


def _tied(label: str) -> str:
    """A label that is not broken."""
    return label.replace(" ", TIE)


def _rate_cells(rate: ErrorRate) -> tuple[str, ...]:
    interval = f"{100 * rate.low:.1f} {100 * rate.high:.1f}"
    return _short(rate), interval, str(rate.substitutions), str(rate.deletions), str(rate.insertions)


def _over_devices(run: Recognition) -> str:
    """The lowest and the highest rate on one of several devices."""
    shares = [100 * draw.rate for draw in run.draws]
    return f"{min(shares):.1f} {max(shares):.1f}" if shares else ""


def heard_name(one: HeardUtterance) -> str:
    """An utterance, and on which devices it was heard, if there were several."""
    return one.name if one.devices is None else f"{one.name}, devices {one.devices}"


def _short(rate: ErrorRate) -> str:
    return f"{rate.errors:,}/{rate.tokens:,} {100 * rate.rate:.1f} %"


def _cost_cells(run: Recognition, *, varied: bool) -> tuple[str, ...]:
    if run.cost is None:
        return "", "", ""
    size = f"{run.cost.area_mm2:.4g} mm²" if varied else scaled(run.cost.model_bytes, "B")
    return f"{run.cost.rtf:.3g}", joules(run.cost.energy_aj), size


def _beside(run: Recognition, most: int) -> Sequence[Text | Table]:
    """Of the first utterances with errors what was said and heard."""
    if not run.rates:
        return []
    wrong = [one for one in run.utterances if one.errors]
    if not wrong or not most:
        return [Text(_remark(run, wrong))]
    table = new_table("utterance", "", "", title=f"{run.label}: said, and heard")
    for one in wrong[:most]:
        table.add_row(heard_name(one), one.said or "(nothing)", one.heard or "(nothing)")
    more = len(wrong) - most
    note = f"{more:,} more utterances with errors, and all others: --json, --out" if more > 0 else _remark(run, wrong)
    return [table, Text(note)]


def _remark(run: Recognition, wrong: Sequence[HeardUtterance]) -> str:
    return f"{len(run.utterances) - len(wrong):,} of {len(run.utterances):,} utterances without an error."
