"""The files of a study's folder: its page as Markdown and HTML, tables as CSV and LaTeX, figures as SVG with their
rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hwsim.report.export import to_csv
from hwsim.report.files import unwritable, write_file
from hwsim.report.page.study import study_html
from hwsim.report.study_drawings import study_drawings
from hwsim.report.study_page import FIGURES, study_markdown
from hwsim.report.study_tables import study_tables
from hwsim.study.studies import Studied

TABLES = "tables"
PAGE, HTML = "README.md", "index.html"


def study_files(studied: Studied) -> dict[str, str]:
    """All files that a study's folder has beside those that people write, by their paths in it."""
    outcome = studied.outcome
    figures = study_drawings(studied)
    drawn = {name: drawing.svg() for name, drawing in figures}
    page = study_markdown(outcome, figures)
    files = {PAGE: page, HTML: study_html(outcome, page, figures, drawn)}
    for name, table in study_tables(outcome):
        files[f"{TABLES}/{name}.csv"] = table.csv()
        files[f"{TABLES}/{name}.tex"] = table.latex()
    for name, drawing in figures:
        files[f"{FIGURES}/{name}.csv"] = to_csv(drawing.rows, columns=drawing.plot.columns)
        files[f"{FIGURES}/{name}.svg"] = drawn[name]
    return files


def stale(files: Mapping[str, str], present: Iterable[str]) -> list[str]:
    """Tables and figures in a folder that its study no longer has.

    >>> stale({"README.md": ""}, ["README.md", "study.yaml", "tables/old.csv"])
    ['tables/old.csv']
    """
    return sorted(path for path in present if path.startswith((f"{TABLES}/", f"{FIGURES}/")) and path not in files)


def write_study(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files of a study into its folder, and take away those tables and figures that it no longer has."""
    for part in (folder, folder / TABLES, folder / FIGURES):
        try:
            part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(part, "cannot be made a folder", error) from error
    present = [path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()]
    for name, text in files.items():
        write_file(folder / name, text)
    for name in stale(files, present):
        (folder / name).unlink()
    return [folder / PAGE, folder / HTML]
