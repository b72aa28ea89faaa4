"""The path that nginx sends on: a path in proxy_pass, and rewrites, as nginx's documentation has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_paths, nginx_servers

UP = "http://127.0.0.1:8000"


def sent(folder: Path, lines: str, path: str) -> nginx_paths.Sent | None:
    """What a server with these lines sends."""
    (folder / "nginx.conf").write_text(f"http {{ server {{ listen 80;\n{lines}\n}} }}")
    return nginx_paths.sent(nginx_servers.servers(nginx_config.load(str(folder / "nginx.conf"))[0])[0], path)


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        # A slash after the address takes the location's place.
        (f"location /api/ {{ proxy_pass {UP}/; }}", "/api/orders/", "/orders/"),
        (f"location /api/ {{ proxy_pass {UP}/v2/; }}", "/api/orders/", "/v2/orders/"),
        (f"location /api {{ proxy_pass {UP}/; }}", "/api/orders/", "//orders/"),
        ("location /api/ { proxy_pass http://unix:/run/a.sock:/; }", "/api/orders/", "/orders/"),
        (f"location = /health {{ proxy_pass {UP}/health/; }}", "/health", "/health/"),
        # Rewrites, in the server and in the location, to the end or to another location.
        (f"rewrite ^/api/(.*)$ /$1; location / {{ proxy_pass {UP}; }}", "/api/orders/", "/orders/"),
        (f"location / {{ rewrite ^/api(/.*) $1 break; proxy_pass {UP}; }}", "/api/orders/", "/orders/"),
        (
            f"location /api/ {{ rewrite ^/api/(.*) /in/$1 last; }} location /in/ {{ proxy_pass {UP}/; }}",
            "/api/orders/",
            "/orders/",
        ),
        # What was rewritten with `break` goes on whole.
        (f"location /api/ {{ rewrite ^/api/(.*) /x/$1 break; proxy_pass {UP}/; }}", "/api/orders/", "/x/orders/"),
        (f"location / {{ rewrite (.*) /pre$uri break; proxy_pass {UP}; }}", "/a", "/pre/a"),
    ],
)
def test_another_path(tmp_path: Path, lines: str, path: str, expected: str) -> None:
    """With the line that makes it another one."""
    found = sent(tmp_path, lines, path)
    assert found is not None
    assert found.line is not None
    assert (found.path, found.line.name in ("proxy_pass", "rewrite")) == (expected, True)


@pytest.mark.parametrize(
    "lines",
    [
        f"location / {{ proxy_pass {UP}; }}",
        f"location ~ ^/api {{ proxy_pass {UP}; }}",
        f"location / {{ rewrite ^/other /x break; proxy_pass {UP}; }}",
        # A condition is the request's to meet.
        f"location / {{ if ($arg_a) {{ rewrite ^ /x break; }} proxy_pass {UP}; }}",
    ],
)
def test_the_visitors_path(tmp_path: Path, lines: str) -> None:
    """Goes on as it is."""
    assert sent(tmp_path, lines, "/api/orders/") == nginx_paths.Sent("/api/orders/", None)


@pytest.mark.parametrize(
    "lines",
    [
        # Nothing is sent, or nobody knows what.
        "location / { root /srv; }",
        "location /other/ { proxy_pass http://127.0.0.1/; }",
        f"location / {{ proxy_pass {UP}/$uri; }}",
        f"rewrite ^ https://other.example/ permanent; location / {{ proxy_pass {UP}; }}",
        f"rewrite ^/(.*) /$arg_x; location / {{ proxy_pass {UP}; }}",
        "location / { rewrite ^ /x last; }",
        f"location / {{ rewrite ( /x break; proxy_pass {UP}; }}",
    ],
)
def test_not_known(tmp_path: Path, lines: str) -> None:
    """No path is named."""
    assert sent(tmp_path, lines, "/api/orders/") is None
