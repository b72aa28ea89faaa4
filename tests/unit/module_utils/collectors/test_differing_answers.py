"""What nginx answers otherwise than the app: another path that it sends, a copy that it keeps, or not known what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend, differing_answers
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

UP = "http://127.0.0.1:8000"
PROBLEM = "status 404 instead of 200"
WELL = {"problem": "", "well": True, "status": 200}
BAD = {"problem": PROBLEM, "well": False, "status": 404}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What is found where the app answers some paths well, and the edge some queries."""

    def collect(lines: str, well_paths: tuple[str, ...] = ("/api/",), *, edge: Any = None, copies: bool = False) -> Any:
        (tmp_path / "nginx.conf").write_text(f"http {{ server {{ listen 80;\n{lines}\n}} }}")
        root = nginx_config.load(str(tmp_path / "nginx.conf"))[0]

        def of_the_app(_stack: Any, wanted: dict[str, Any], *_more: Any) -> dict[str, Any]:
            return {"asked": True, **(WELL if urlsplit(wanted["url"]).path in well_paths else BAD)}

        def of_the_edge(wanted: dict[str, Any], *_more: Any) -> Any:
            return WELL if copies and urlsplit(wanted["url"]).query else (edge or BAD)

        monkeypatch.setattr(backend, "make_check", of_the_app)
        monkeypatch.setattr(http_client, "check", of_the_edge)
        wanted = {"url": "http://127.0.0.1/api/", "host": "a.example", "status": 200}
        stack: Any = SimpleNamespace(nginx_root=root)
        return differing_answers.collect(stack, [(wanted, {"name": "api", **BAD})], "", True)

    return collect


def test_another_path(found: Any) -> None:
    """The app answers the path that nginx sends as the edge did."""
    (item,) = found(f"location /api/ {{ proxy_pass {UP}/; }}")
    assert (item["sent"]["path"], item["sent"]["words"], item["sent"]["line"]) == ("/", f"proxy_pass {UP}/", 2)
    # That path is well, too: it is not why.
    (item,) = found(f"location /api/ {{ proxy_pass {UP}/; }}", ("/api/", "/"))
    assert "sent" not in item


def test_a_copy(found: Any) -> None:
    """Asked with another query the edge is well; without a cache that proves nothing."""
    (item,) = found(f"proxy_cache z; location / {{ proxy_pass {UP}; }}", copies=True)
    assert item["cache"]["words"] == "proxy_cache z"
    for lines in ("location / {", "proxy_cache z; location / { proxy_cache off;"):
        (item,) = found(f"{lines} proxy_pass {UP}; }}", copies=True)
        assert "cache" not in item
    (item,) = found(f"proxy_cache z; location / {{ proxy_pass {UP}; }}")
    assert "cache" not in item


def test_what_is_not_known(found: Any) -> None:
    """The block that takes the path, with what stands in it."""
    (item,) = found(f"location / {{ proxy_set_header Host $host; try_files $uri =404;\n proxy_pass {UP}; }}")
    assert (item["block"], item["line"]) == ("location /", 2)
    assert item["lines"] == ["try_files $uri =404", f"proxy_pass {UP}"]


def test_no_difference(found: Any) -> None:
    """The app answers no better, or the edge is well by now."""
    assert found(f"location / {{ proxy_pass {UP}; }}", ()) == []
    assert found(f"location / {{ proxy_pass {UP}; }}", edge=WELL) == []
