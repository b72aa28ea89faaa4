"""What a text from a host may not do in a terminal, a browser, a ticket or on the controller."""

from __future__ import annotations

import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from ansible_collections.rescue502.django.plugins.plugin_utils.report import report

# What hostile text tries to make, and what `7919 * 7927` becomes where a template is rendered.
RENDERED = str(7919 * 7927)
CANARY = Path(tempfile.gettempdir()) / "rescue502-canary"


class Tags(HTMLParser):
    """The elements of a page, and what could run or load something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.active: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.active += [name for name, _value in attrs if name.startswith("on") or name in ("src", "href", "action")]


PLAIN_TAGS = Tags(
    report.render_html({"host": "h", "plan": [], "checklist": [{"name": "", "state": "ok", "detail": ""}]})
)
OURS = {"div", "strong", "table", "tr", "td", "br", "pre", "p", "span", "details", "summary", "code"}
KNOWN_TAGS = PLAIN_TAGS.names | OURS


def obeyed(text: str) -> list[str]:
    """Characters that a terminal, an editor or a reader's eye would obey."""
    return re.findall(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]", text
    )


def check_clean(texts: list[str]) -> None:
    """Nothing was rendered or run, and nothing is obeyed."""
    assert not CANARY.exists()
    for text in texts:
        assert RENDERED not in text
        assert obeyed(text) == []
        text.encode("utf-8")
    for page in (text for text in texts if text.startswith("<!doctype")):
        tags = Tags(page)
        assert tags.names <= KNOWN_TAGS, tags.names - KNOWN_TAGS
        assert tags.active == []
    for text in (text for text in texts if "\n## Root causes" in text):
        prose = [line for line in text.splitlines() if not line.startswith("    ")]
        assert not [line for line in prose if re.search(r"<[a-zA-Z/!]|(?<!\\)\[[^\]]*(?<!\\)\]\(", line)]
