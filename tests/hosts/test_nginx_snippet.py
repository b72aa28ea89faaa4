"""A file for nginx is tried in a copy of its folder: what nginx does not take is never there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab.site import Site

pytestmark = pytest.mark.nightly

FOLDER = "/etc/nginx/conf.d"


def put(site: Site, content: str) -> str:
    """What the module says of this content."""
    given = json.dumps({"path": f"{FOLDER}/tried.conf", "content": content})
    words = [sys.executable, "-m", "ansible", "adhoc", "all", "-i", str(site.inventory()), "-o"]
    words += ["-m", "rescue502.django.nginx_snippet", "-a", given, "--become"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def changed_at(site: Site) -> str:
    """When something was last put into the folder, or taken out of it."""
    return site.host.run(f"stat -c %y {FOLDER}").stdout


def test_what_nginx_does_not_take_is_never_there(site: Site) -> None:
    """Not even until the test has failed; what it takes is written once."""
    before = changed_at(site)
    assert "nginx would not take" in put(site, "client_header_timeouts 9s;\n")
    assert changed_at(site) == before
    assert "CHANGED" in put(site, "client_header_timeout 9s;\n")
    assert changed_at(site) != before
    assert "SUCCESS" in put(site, "client_header_timeout 9s;\n")
    assert site.host.run("nginx -t 2>&1; ls -A /var/tmp /tmp | grep -c folder || true").stdout.endswith("0\n")
