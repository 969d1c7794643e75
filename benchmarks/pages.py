"""How long a report takes: to draw its figures, to make the page, and to open it in a browser without a screen."""

import statistics
import tempfile
import time
from pathlib import Path

import hwsim
from browser import browser, problem
from hwsim.report.page.run import run_page
from hwsim.report.plots.sets import run_drawings
from hwsim.results.pictured import Pictured
from hwsim.results.result import Result
from hwsim.study.pictured import pictured
from hwsim.study.simulate import simulate

WORKLOADS = ("rnnt", "conformer_m", "conformer_l")
REPEATS = 5
OPENED = """
const [page] = performance.getEntriesByType("navigation");
const painted = performance.getEntriesByName("first-contentful-paint")[0];
return [page.loadEventEnd, painted ? painted.startTime : 0];
"""


def report() -> None:
    """A line for each workload: processor time of figures and page, and how long the browser takes to show the page."""
    print("\nreports: CPU s of all figures (SVG), of the page; MB; in the browser ms until loaded, until painted")
    missing = problem()
    with tempfile.TemporaryDirectory() as folder:
        made = [_page(name, Path(folder)) for name in WORKLOADS]
        if missing is not None:
            print(f"not opened: {missing}")
            return
        with browser(Path(folder) / "profile") as window:
            for page, told in made:
                times = []
                for _ in range(REPEATS):
                    window.open(page)
                    times.append(window.run(OPENED))
                loaded, painted = (statistics.median(entry) for entry in zip(*times, strict=True))
                print(f"{told}, {loaded:.0f}, {painted:.0f}")


def _page(name: str, folder: Path) -> tuple[Path, str]:
    shown: list[Pictured] = []
    work = hwsim.load_workload(name)
    result = simulate(hwsim.load_chip("int4_array"), work, watch=lambda *ran: shown.append(pictured(*ran)))
    assert isinstance(result, Result)
    begun = time.process_time()
    for drawing in run_drawings(result, shown[0]):
        drawing.svg()
    drawn = time.process_time()
    text = run_page(result, shown[0], f"hwsim run int4_array {name} --html {name}.html")
    ended = time.process_time()
    page = folder / f"{name}.html"
    page.write_text(text)
    told = (
        f"{name:12} {len(result.ops):4} ops  {drawn - begun:.1f}, {ended - drawn:.1f}; {len(text.encode()) / 1e6:.2f}"
    )
    return page, told
