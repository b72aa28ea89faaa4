"""Files that nginx 1.22 looked for and did not serve, by the lines of its own error log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import served_files
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config

FILES = "/var/www/xamila/xamila_backend/staticfiles"
ABOUT = ', client: 127.0.0.1, server: api.xamila.example, request: "GET {} HTTP/1.1", host: "api.xamila.example"'
SAID = [
    f'*1 open() "{FILES}/none/x.css" failed (2: No such file or directory)' + ABOUT.format("/static/none/x.css"),
    f'*2 directory index of "{FILES}/" is forbidden' + ABOUT.format("/static/"),
    f'*3 open() "{FILES}/closed/a.css" failed (13: Permission denied)' + ABOUT.format("/static/closed/a.css"),
    f'*4 open() "{FILES}/a/b.css" failed (20: Not a directory)' + ABOUT.format("/static/a/b.css"),
    f'*5 "{FILES}/closed/index.html" is forbidden (13: Permission denied)' + ABOUT.format("/static/closed/"),
]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/static/none/x.css", (f"{FILES}/none/x.css", False)),
        ("/static/closed/a.css", (f"{FILES}/closed/a.css", True)),
        ("/static/a/b.css", (f"{FILES}/a/b.css", False)),
        ("/static/closed/", (f"{FILES}/closed/index.html", True)),
        ("/static/", None),
        ("/static/none", None),
    ],
)
def test_the_file_behind_a_request(path: str, expected: tuple[str, bool] | None) -> None:
    """And whether nginx was refused it; a folder that it will not list is no file."""
    assert served_files.parse(path, SAID) == expected


def test_the_newest_line_counts() -> None:
    """It stands last."""
    newer = SAID[0].replace("staticfiles", "other")
    assert served_files.parse("/static/none/x.css", [SAID[0], newer]) == (
        f"{FILES.replace('staticfiles', 'other')}/none/x.css",
        False,
    )


def found(folder: Path, location: str, status: int = 404, path: str = "/static/css/x.css") -> Any:
    """What is found of one check, where nginx looked for a file below the folder."""
    server = f"server {{ listen 80; root {folder}/www; location /static/ {{ {location} }} }}"
    (folder / "nginx.conf").write_text(f"http {{\n{server} }}")
    root = nginx_config.load(str(folder / "nginx.conf"))[0]
    said = [SAID[0].replace(f"{FILES}/none", f"{folder}/static/css").replace("/static/none/x.css", path)]
    wrong: Any = [({"url": f"http://127.0.0.1{path}"}, {"name": "style", "status": status})]
    return served_files.collect(root, wrong, said)


def test_where_nginx_was_sent(tmp_path: Path) -> None:
    """The line of the alias, or of the root around it, and how far the way to the file is there."""
    (tmp_path / "static").mkdir()
    (item,) = found(tmp_path, f"alias {tmp_path}/static/;")
    assert item == {
        "name": "style",
        "status": 404,
        "path": f"{tmp_path}/static/css/x.css",
        "denied": False,
        "nearest": str(tmp_path / "static"),
        "words": f"alias {tmp_path}/static/",
        "file": str(tmp_path / "nginx.conf"),
        "line": 2,
    }
    assert found(tmp_path, "expires 1h;")[0]["words"] == f"root {tmp_path}/www"
    (tmp_path / "static" / "css").mkdir()
    assert found(tmp_path, "expires 1h;")[0]["nearest"] == str(tmp_path / "static" / "css")


def test_what_another_answered(tmp_path: Path) -> None:
    """The app, a rule, or with another status than files get; and where nginx's configuration is not known."""
    for location in ("proxy_pass http://127.0.0.1:8000;", "return 404;", "try_files $uri =404;"):
        assert found(tmp_path, location) == []
    assert found(tmp_path, "expires 1h;", status=502) == []
    assert served_files.collect(None, [({"url": "http://a/"}, {"name": "a", "status": 404})], SAID) == []
