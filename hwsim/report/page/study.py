"""The page of a study as HTML: its Markdown, set as a page that needs no other, with figures in both layouts."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from markdown_it import MarkdownIt
from markupsafe import Markup

from hwsim.report.page.sheet import Shown, environment
from hwsim.report.plots.registry import Drawing
from hwsim.report.study_page import FIGURES
from hwsim.results.study_outcome import StudyOutcome

_FIGURE = re.compile(rf'<p><img src="{FIGURES}/([^"]+)\.svg"[^>]*></p>\n<p>.*?</p>\n')


def study_html(
    outcome: StudyOutcome, page: str, figures: Sequence[tuple[str, Drawing]], drawn: Mapping[str, str]
) -> str:
    """The page of a study, from its Markdown; what looks like HTML in there is text. `drawn` are the figures' SVG
    documents, by their names."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(_without_comments(page))
    body = body.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    body = body.replace("</table>", "</table></div>")
    pieces: list[str | Shown] = []
    at = 0
    drawings = dict(figures)
    for found in _FIGURE.finditer(body):
        pieces += [Markup(body[at : found.start()]), Shown.of(drawings[found[1]], found[1], drawn[found[1]])]
        at = found.end()
    pieces.append(Markup(body[at:]))
    template = environment().get_template("study.html.j2")
    return template.render(title=outcome.file.title, name=outcome.name, version=version("hwsim"), pieces=pieces)


def _without_comments(page: str) -> str:
    return re.sub(r"<!--.*?-->\n?", "", page, flags=re.DOTALL)
