"""What the site has beside docs/: the README as its first page, and the studies under reports/ with their figures.

Links are written so that they work where the repository is looked at; here they are turned to where pages lie in the
site, headings get the anchors that they have there, and files that the site does not have stand as plain text. A link to
nothing at all stays as it is, and the build refuses it.
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


def on_config(config: Any) -> Any:
    """The configuration with the anchors of the repository."""
    config["mdx_configs"]["toc"]["slugify"] = anchor
    return config


def anchor(heading: str, separator: str) -> str:
    """The anchor of a heading as hosts of code make it, each blank a separator of its own.

    >>> anchor("What `--full` prints, by part", "-")
    'what---full-prints-by-part'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


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
    return relinked(markdown, page.file.src_uri, known.__contains__, lambda path: (ROOT / path).exists())


def relinked(markdown: str, uri: str, in_site: Callable[[str], bool], in_repository: Callable[[str], bool]) -> str:
    """A page of the site whose links are those of the repository, with the site's links.

    >>> relinked("[a](docs/model.md) and [b](LICENSE)", "index.md", {"model.md"}.__contains__, {"LICENSE"}.__contains__)
    '[a](model.md) and b'
    """
    source = "README.md" if uri == INDEX else uri if uri.startswith("reports/") else f"docs/{uri}"
    before = PurePosixPath(source).parent

    def turned(link: "re.Match[str]") -> str:
        target = normpath(before / link[3])
        there = INDEX if target == "README.md" else target.removeprefix("docs/")
        if not in_site(there):
            return link[2] if in_repository(target) else link[0]
        up = "../" * (len(PurePosixPath(uri).parts) - 1)
        return f"{link[1]}[{link[2]}]({up}{there}{link[4] or ''})"

    code = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.DOTALL)
    return "".join(piece if place % 2 else _LINK.sub(turned, piece) for place, piece in enumerate(code))
