"""nginx runs as a user of its own, as on most distributions but Debian: what the app may use, nginx may not."""

from __future__ import annotations

import pytest

from lab.site import Site, named

OWN_USER = "useradd --system web-server; sed -i 's/^user .*/user web-server;/' /etc/nginx/nginx.conf\n"


@pytest.mark.nightly
def test_nginx_is_let_through_a_private_folder(site: Site) -> None:
    """A home of 0750 keeps nginx from the static files: it gets x on that folder, and no more."""
    site.host.run(OWN_USER + "chown www-data: /var/www/xamila; chmod 750 /var/www/xamila; systemctl restart nginx")
    assert site.host.ask("/static/site.css")[0] == 403
    code, incident, output = site.play("recover", rescue502_approve=["files/served-not-traversable"])
    assert (code, named(incident)) == (0, ["files/served-not-traversable"]), output
    assert "web-server" in incident["also_found"][0]["because"]
    # An entry for nginx alone: nothing is opened to others.
    assert site.host.run("stat -c %U:%G:%a /var/www/xamila").stdout.strip() == "www-data:www-data:750"
    assert site.host.ask("/static/site.css")[0] == 200


@pytest.mark.nightly
def test_timeouts_that_are_over_are_no_cause(site: Site) -> None:
    """A worker that was ended for its slowness a minute ago does not explain a database that is down now."""
    site.host.run(
        'printf \'[%s] [1] [CRITICAL] WORKER TIMEOUT (pid:2)\\n\' "$(date +"%F %T %z")" >> /var/log/xamila/error.log'
    )
    _code, incident, output = site.play("diagnose", rescue502_level="full")
    assert incident["evidence"]["log"]["recent_timeouts"] == 1, output
    assert named(incident) == [], output
    site.host.run("systemctl stop postgresql")
    _code, incident, output = site.play("diagnose")
    assert named(incident) == ["database/stopped"], output
