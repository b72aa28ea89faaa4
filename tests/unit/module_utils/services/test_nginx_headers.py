"""The Host and further headers that the app gets from nginx."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_headers

USUAL = """
http {
  upstream app_server { server 127.0.0.1:8000; }
  proxy_set_header X-Outer yes;
  server {
    listen 443 ssl;
    server_name shop.example www.shop.example;
    location / {
      proxy_pass http://app_server;
      %s
    }
    location /api/ {
      proxy_set_header Host $host;
      if ($arg_x) { proxy_pass http://app_server; }
    }
  }
}
"""


def handed(folder: Path, lines: str, url: str, host: str = "shop.example") -> tuple[str, dict[str, str]]:
    config = folder / "nginx.conf"
    config.write_text(USUAL % lines, encoding="utf-8")
    return nginx_headers.handed_on(nginx_config.load(str(config))[0], {"url": url, "host": host})


@pytest.mark.parametrize(
    ("lines", "host", "headers"),
    [
        # Without any of its own, those around it; nginx's own Host is the name behind proxy_pass.
        ("", "app_server", {"x-outer": "yes"}),
        ("proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;", "shop.example",
         {"x-forwarded-proto": "https"}),
        ("proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
         "shop.example", {"x-forwarded-for": "127.0.0.1"}),
        ('proxy_set_header Connection "upgrade"; proxy_set_header X-Id $request_id; proxy_set_header Host $host;',
         "shop.example", {}),
    ],
)  # fmt: skip
def test_as_nginx_would(tmp_path: Path, lines: str, host: str, headers: dict[str, str]) -> None:
    """Inherited only where the innermost context sets none; what rests on an unknown variable is left out."""
    assert handed(tmp_path, lines, "https://127.0.0.1/") == (host, headers)


def test_of_the_longest_location(tmp_path: Path) -> None:
    """A proxy_pass within an `if` belongs to its location."""
    assert handed(tmp_path, "", "https://127.0.0.1/api/x") == ("shop.example", {})


def test_without_a_configuration_the_request_stays_as_it_is() -> None:
    """Nothing is invented."""
    assert nginx_headers.handed_on(None, {"url": "http://a.example/"}) == ("a.example", {})
