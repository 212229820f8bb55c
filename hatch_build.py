"""The long description in the package's metadata: README.md, whose links lead into the repository, as absolute ones.

Where [project.urls] of pyproject.toml has a `Repository`, pictures and links get its address before them. Where it has
none, a package index could not show them: pictures are left out, and of links their words stay.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")
"""A picture or a link to a file of the repository: whether it is a picture, its words, the file."""


def absolute(text: str, repository: str | None) -> str:
    """Markdown with absolute links alone. repository: the address of the project, None where it has none."""

    def led(found: re.Match[str]) -> str:
        mark, words, file = found.groups()
        if repository is None:
            return "" if mark else words
        return f"{mark}[{words}]({repository}/{'raw' if mark else 'blob'}/HEAD/{file})"

    return LINK.sub(led, text)


class LongDescription(MetadataHookInterface):
    """Hatchling's hook: gives the metadata its `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the long description in."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        address = metadata.get("urls", {}).get("Repository")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, address)}
