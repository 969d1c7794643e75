"""What the site has beside docs/: the README as its first page, and the studies under reports/ with their figures.

Links are written so that they work where the repository is looked at; here they are turned to where pages lie in the
site, and what the site does not have stands as plain text.
"""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
INDEX = "index.md"
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)\s#]+)(#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """The files of docs/, and these."""
    files.append(File.generated(config, INDEX, content=(ROOT / "README.md").read_text()))
    for path in sorted((ROOT / "reports").rglob("*")):
        if path.suffix in (".md", ".svg") and path.name != "reading.md":
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """The page with links as the site has them."""
    known = {file.src_uri for file in files}
    return relinked(markdown, page.file.src_uri, lambda uri: uri in known)


def relinked(markdown: str, uri: str, is_known: Callable[[str], bool]) -> str:
    """A page of the site whose links are those of the repository, with the site's links.

    >>> relinked("[a](docs/model.md) and [b](LICENSE)", "index.md", lambda uri: uri == "model.md")
    '[a](model.md) and b'
    """
    in_repository = "README.md" if uri == INDEX else uri if uri.startswith("reports/") else f"docs/{uri}"
    before = PurePosixPath(in_repository).parent

    def turned(link: "re.Match[str]") -> str:
        target = normpath(before / link[3])
        there = INDEX if target == "README.md" else target.removeprefix("docs/")
        if not is_known(there):
            return link[2]
        up = "../" * (len(PurePosixPath(uri).parts) - 1)
        return f"{link[1]}[{link[2]}]({up}{there}{link[4] or ''})"

    code = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.DOTALL)
    return "".join(piece if place % 2 else _LINK.sub(turned, piece) for place, piece in enumerate(code))
