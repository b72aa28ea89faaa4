"""How nginx speaks TLS to an app server, read from its configuration as nginx inherits and defaults it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_upstream_tls
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_upstream_tls import UpstreamTls


def settings(tmp_path: Path, text: str) -> dict[str, UpstreamTls]:
    """What a file in nginx's http block says."""
    path = tmp_path / "site.conf"
    path.write_text(text)
    return nginx_upstream_tls.by_address(nginx_config.load_fragment(str(path)))


def test_the_innermost_block_counts(tmp_path: Path) -> None:
    """A location's own line replaces the server's; what is not set has nginx's default."""
    found = settings(
        tmp_path,
        "server { server_name shop.example; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem;\n"
        "location / { proxy_pass https://127.0.0.1:8000; proxy_ssl_name app.internal; }\n"
        "location /api/ { proxy_pass https://10.0.0.2:8443; proxy_ssl_verify off; proxy_ssl_server_name on; }\n"
        "location /plain/ { proxy_pass http://127.0.0.1:8001; } }",
    )
    file = str(tmp_path / "site.conf")
    assert found == {
        "127.0.0.1:8000": UpstreamTls(True, "app.internal", False, "ca.pem", "", file, file, 1),
        "10.0.0.2:8443": UpstreamTls(False, "10.0.0.2", True, "ca.pem", "", file, file, 3),
    }


def name(tmp_path: Path, target: str, line: str = "") -> str:
    """The name that is compared where a location sends to `target`."""
    text = "upstream back_end { server 127.0.0.1:8000; }\n"
    text += "server { server_name shop.example www.shop.example; set $crt app.internal;\n"
    text += f"location / {{ proxy_pass https://{target}; {line} }} }}"
    (found,) = settings(tmp_path, text).values()
    return found.name


def test_the_name_that_is_compared(tmp_path: Path) -> None:
    """The host or the group of proxy_pass, without its port, unless there is another; some only the request knows."""
    assert name(tmp_path, "127.0.0.1:8000") == "127.0.0.1"
    assert name(tmp_path, "app.internal:8000") == "app.internal"
    assert name(tmp_path, "back_end") == "back_end"
    assert name(tmp_path, "back_end", "proxy_ssl_name $host;") == "shop.example"
    assert name(tmp_path, "back_end", "proxy_ssl_name $crt;") == "app.internal"
    assert name(tmp_path, "back_end", "proxy_ssl_name $http_x_name;") == ""


def test_of_two_ways_to_an_address_the_one_that_verifies_counts(tmp_path: Path) -> None:
    """As where only one location does."""
    found = settings(
        tmp_path,
        "server { location /a { proxy_pass https://127.0.0.1:8000; }\n"
        "location /b { proxy_pass https://127.0.0.1:8000; proxy_ssl_verify on; proxy_ssl_certificate own.pem; } }",
    )
    assert [(item.verify, item.certificate, item.line) for item in found.values()] == [(True, "own.pem", 2)]
