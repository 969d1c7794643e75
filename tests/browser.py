"""A browser without a screen, driven over WebDriver: plain HTTP and JSON, as W3C's recommendation says."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 120
_HERE = build_opener(ProxyHandler({}))
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def problem() -> str | None:
    """What is missing to drive a browser; None if nothing is."""
    if not any(map(shutil.which, BROWSERS)):
        return "chromium is not installed"
    return None if shutil.which("chromedriver") else "chromedriver is not installed (on Debian: chromium-driver)"


class Browser:
    """A window of a browser."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """The value that a command of WebDriver answers."""
        data = json.dumps(body).encode() if method == "POST" else None
        request = Request(f"{self.address}{path}", data=data, method=method)
        with _HERE.open(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read())["value"]

    def open(self, page: Path) -> None:
        """Show a file."""
        self.ask("POST", "/url", url=page.as_uri())

    def run(self, script: str, *args: Any) -> Any:
        """What a script in the page returns."""
        return self.ask("POST", "/execute/sync", script=script, args=list(args))

    def click(self, selector: str) -> None:
        """Click an element as a person does: it has to be visible, and nothing may lie over it."""
        found = self.ask("POST", "/element", using="css selector", value=selector)
        self.ask("POST", f"/element/{found[_ELEMENT]}/click")

    def type(self, selector: str, text: str) -> None:
        """Type into an element; keys beyond letters are those of WebDriver."""
        found = self.ask("POST", "/element", using="css selector", value=selector)
        self.ask("POST", f"/element/{found[_ELEMENT]}/value", text=text)

    def resize(self, width: int, height: int) -> None:
        """Make the window so large."""
        self.ask("POST", "/window/rect", width=width, height=height)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A fresh browser that keeps what it writes in that folder."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout is not None
        (port,) = {line.split("port ")[1].strip(". \n") for line in _until(driver.stdout, "successfully on port ")}
        root = Browser(f"http://127.0.0.1:{port}")
        program = next(filter(None, map(shutil.which, BROWSERS)))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        options = {"binary": program, "args": [*flags, f"--user-data-dir={profile}"]}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        session = root.ask("POST", "/session", capabilities=wanted)["sessionId"]
        window = Browser(f"{root.address}/session/{session}")
        try:
            yield window
        finally:
            window.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()
        assert driver.stdout is not None
        driver.stdout.close()


def _until(lines: Any, text: str) -> Iterator[str]:
    """The first line that holds the text."""
    for line in lines:
        if text in line:
            yield line
            return
