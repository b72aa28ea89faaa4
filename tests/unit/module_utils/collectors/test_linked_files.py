"""What the app's pages link to: which of it visitors do not get as the app has it, and who should serve it."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import linked_files, old_copy
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client

PAGE = """<html><link rel="stylesheet" href="/static/site.css?v=1"><link rel="canonical" href="/static/canonical.css">
<script src="https://shop.example/static/js/app.0123456789ab.js"></script><img src="/media/a%20b.png">
<img src="https://cdn.example/static/other.css"><script src="/static/../../etc/passwd"></script>
<img src="/static/404.png">
"""
CHECK = {"url": "https://127.0.0.1/", "host": "shop.example", "status": 200, "verify_tls": False}
CSS, SCRIPT, IMAGE = "/static/site.css", "/static/js/app.0123456789ab.js", "/media/a b.png"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What is found of a page whose links nginx answers with these statuses; else 404."""
    for path in ("static/site.css", "static/js/app.0123456789ab.js", "media/a b.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("content")
    asked: list[str] = []

    def collect(statuses: dict[str, int], location: str = "", kind: str = "text/html", **step: Any) -> Any:
        (tmp_path / "nginx.conf").write_text(
            f"http {{ server {{ listen 443 ssl;\nserver_name shop.example;\n{location}\n"
            "location / { proxy_pass http://127.0.0.1:8000; } } }"
        )

        def answer(url: str, host: str, *_more: Any, **_headers: Any) -> dict[str, Any]:
            asked.append(url)
            path = url.removeprefix("https://127.0.0.1")
            status = 200 if path == "/" else statuses.get(path.partition("?")[0], 404)
            return {"status": status, "headers": {"content-type": kind}, "body": PAGE if path == "/" else ""}

        monkeypatch.setattr(http_client, "ask", answer)
        roots = {"ok": True, "static_root": str(tmp_path / "static"), "media_root": str(tmp_path / "media")}
        collected = {"pages": [], "static_url": "/static/", "media_url": "/media/", "missing": [], "older": [], **step}
        rehearsed = {"steps": {"settings": roots, "collected": collected}}
        stack: Any = SimpleNamespace(nginx_root=nginx_config.load(str(tmp_path / "nginx.conf"))[0])
        found = linked_files.collect(stack, {"well": True, "checks": [{"status": 200}]}, [CHECK], rehearsed)
        assert all(url.startswith("https://127.0.0.1/") for url in asked)
        return found

    return collect


def test_what_nobody_serves(site: Any) -> None:
    """What the app has and visitors are answered 404 for; not what it has not, nor what lies elsewhere."""
    found = site({})
    assert [(item["name"], item["kind"], item["there"], item["words"]) for item in found] == [
        (CSS, "static", True, ""),
        (SCRIPT, "static", True, ""),
        ("/media/a%20b.png", "media", True, ""),
    ]
    assert site(dict.fromkeys((CSS, SCRIPT, "/media/a%20b.png"), 200)) == []


def test_where_nginx_looks_for_it(site: Any) -> None:
    """The line by which it looks elsewhere."""
    found = site({SCRIPT: 200}, "location /static/ { alias /srv/old/; }")
    assert (found[0]["name"], found[0]["words"], found[0]["line"]) == (CSS, "alias /srv/old/", 3)


def test_what_collecting_would_bring(site: Any) -> None:
    """A file that is not there, and an older one that is served from disk, by its name without a hash."""
    served = {CSS: 200, SCRIPT: 200, "/media/a%20b.png": 200}
    disk = "location /static/ { alias /srv/static/; }"
    found = site(served, disk, missing=["404.png"], older=["js/app.js"])
    assert [(item["name"], item["status"], item["state"]) for item in found] == [
        (SCRIPT, 200, "older"),
        ("/static/404.png", 404, "missing"),
    ]
    # Served by the app itself, which may well have it from elsewhere.
    assert site(served, older=["js/app.js"]) == []


@pytest.mark.parametrize(
    ("content", "length", "found"), [(b"older", 25, True), (b"older", 0, False), (b"new", 23, False)]
)
def test_an_old_copy(tmp_path: Path, content: bytes, length: int, found: bool) -> None:
    """Of another content, and what a browser gets: not one that nginx compresses as it sends it."""
    (tmp_path / "site.css").write_bytes(b"new")
    (tmp_path / "site.css.gz").write_bytes(gzip.compress(content))
    assert not length or (tmp_path / "site.css.gz").stat().st_size == length

    def ask(headers: dict[str, str]) -> dict[str, Any]:
        assert headers == {"Accept-Encoding": "gzip"}
        said = {"content-encoding": "gzip", **({"content-length": str(length)} if length else {})}
        return {"status": 200, "headers": said}

    assert old_copy.served(str(tmp_path / "site.css"), ask) == (str(tmp_path / "site.css.gz") if found else "")


def test_no_copy(tmp_path: Path) -> None:
    """Nothing is asked for where there is none, or it is not compressed."""
    (tmp_path / "site.css").write_bytes(b"new")
    assert old_copy.served(str(tmp_path / "site.css"), lambda _headers: {}) == ""
    (tmp_path / "site.css.gz").write_bytes(b"no copy")
    assert old_copy.served(str(tmp_path / "site.css"), lambda _headers: {}) == ""


def test_what_is_no_page(site: Any) -> None:
    """An answer that is no HTML links to nothing."""
    assert site({}, kind="application/json") == []


def test_a_site_that_is_not_well_is_not_asked() -> None:
    """Nor is one of whose settings nothing is known."""
    stack: Any = SimpleNamespace(nginx_root=None)
    for well, rehearsed in ((False, {"steps": {"collected": {"static_url": "/static/"}}}), (True, None), (True, {})):
        assert linked_files.collect(stack, {"well": well, "checks": []}, [CHECK], rehearsed) == []
