"""Which unit is nginx's, of what systemd says of several."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd


def unit(
    name: str, argv: str, active: str = "inactive", file: str = "disabled", load: str = "loaded"
) -> dict[str, str]:
    """A unit as systemd shows it."""
    start = f"{{ path={argv.split()[0]} ; argv[]={argv} ; ignore_errors=no ; start_time=[n/a] }}" if argv else ""
    return {"Id": name, "LoadState": load, "ActiveState": active, "UnitFileState": file, "ExecStart": start}


NONE = unit("nginx.service", "", load="not-found")
OPENRESTY = "/usr/local/openresty/nginx/sbin/nginx -p /srv/edge -c conf/site.conf"
APP = unit("shop.service", "/srv/shop/venv/bin/gunicorn nginx:application", "active", "enabled")


@pytest.mark.parametrize(
    ("units", "name"),
    [
        ([unit("nginx.service", "/usr/sbin/nginx -g x", "active")], "nginx.service"),
        ([NONE, unit("openresty.service", OPENRESTY), APP], "openresty.service"),
        ([NONE, unit("nginx-custom.service", "/opt/nginx/sbin/nginx", "failed", "enabled")], "nginx-custom.service"),
        # The package's own was turned off for another.
        (
            [unit("nginx.service", "/usr/sbin/nginx"), unit("edge.service", OPENRESTY, "inactive", "enabled")],
            "edge.service",
        ),
        ([unit("nginx.service", "/usr/sbin/nginx"), unit("edge.service", OPENRESTY, "active")], "edge.service"),
        (
            [unit("nginx.service", "", load="masked"), unit("angie.service", "/usr/sbin/angie", "inactive", "enabled")],
            "angie.service",
        ),
        # Both are off: the usual one; none is there, or only one that is masked: the usual one too.
        ([unit("nginx.service", "/usr/sbin/nginx"), unit("edge.service", OPENRESTY)], "nginx.service"),
        ([NONE, APP], "nginx.service"),
        ([NONE, unit("edge.service", OPENRESTY, load="masked"), APP], "nginx.service"),
    ],
)
def test_the_unit_that_runs_nginx(monkeypatch: pytest.MonkeyPatch, units: list[dict[str, str]], name: str) -> None:
    """The usual one where it runs or is to; else one that does."""

    def show_many(wanted: list[str], _facts: list[str]) -> list[dict[str, str]]:
        return [item for item in units if item["Id"] in wanted]

    def systemctl(*_words: str) -> str:
        return "".join(f"{item['Id']} {item['UnitFileState']}\n" for item in units)

    monkeypatch.setattr(systemd, "show_many", show_many)
    monkeypatch.setattr(systemd, "systemctl", systemctl)
    nginx_unit.name.cache_clear()
    assert nginx_unit.name() == name
    nginx_unit.name.cache_clear()


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({}, ["nginx"]),
        (unit("nginx.service", "/usr/sbin/nginx -g daemon on;"), ["nginx"]),
        (unit("nginx.service", "/usr/sbin/nginx -c /etc/edge.conf"), ["nginx", "-c", "/etc/edge.conf"]),
        (unit("openresty.service", OPENRESTY), [OPENRESTY.split()[0], "-p", "/srv/edge", "-c", "conf/site.conf"]),
    ],
)
def test_how_it_is_asked(shown: dict[str, Any], words: list[str]) -> None:
    """Its own program, and where its configuration is; the usual one by its name."""
    assert nginx_unit.command(shown) == words
