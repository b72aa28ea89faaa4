"""What root installs can be used by the app, whatever umask root comes with."""

from __future__ import annotations

import pytest

from lab.site import Site, named

# Root's environment, of which a package is gone, on a host whose sudo gives root a umask of its own.
CLOSED_SUDO = """
printf 'Defaults umask=0077, umask_override\\n' > /etc/sudoers.d/umask
visudo -qcf /etc/sudoers.d/umask
chown -R root:root "$ROOT" && chown -R "$APP_USER:$APP_GROUP" "$ROOT/media"
rm -rf "$VENV"/lib/python3*/site-packages/slugify "$VENV"/lib/python3*/site-packages/python_slugify*
restart_app
until_true '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Host: $SERVER_NAME" "http://127.0.0.1$API_PATH")" = 502 ]'
"""
# A package as root's pip leaves it under such a umask, its lists included.
CLOSED_PACKAGE = """
cd "$VENV"/lib/python3*/site-packages
rm -rf slugify/__pycache__
chown -R root:root slugify python_slugify-*.dist-info && chmod -R go-rwx slugify python_slugify-*.dist-info
restart_app
until_true '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Host: $SERVER_NAME" "http://127.0.0.1$API_PATH")" = 502 ]'
"""
UNREADABLE = "find /var/www/xamila/xamila_backend/venv ! -type l ! -perm -o=r -print"


@pytest.mark.nightly
def test_packages_get_the_modes_of_the_environment(site: Site) -> None:
    """One repair, after which nothing in the environment is closed to the app, nor open to others than it was."""
    site.host.break_with("", CLOSED_SUDO)
    assert site.host.run("runuser -u admin -- sudo sh -c umask").stdout.strip() == "0077"
    assert site.host.run(UNREADABLE).stdout == ""
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["dependencies/missing"]), output
    assert [item["remedy"] for item in incident["actions"] if item["changed"]] == ["pip_install", "restart"], output
    assert site.host.run(UNREADABLE).stdout == ""
    assert site.host.run("find /var/www/xamila/xamila_backend/venv ! -type l -perm /022 -print").stdout == ""


@pytest.mark.nightly
def test_a_package_that_only_root_may_read_is_opened(site: Site) -> None:
    """Its modules are those that its list has by digest, and the list is one: nothing in it is anybody's secret."""
    site.host.break_with("", CLOSED_PACKAGE)
    assert "/python_slugify-8.0.4.dist-info/RECORD" in site.host.run(UNREADABLE).stdout
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["files/code-unreadable"]), output
    assert [item["remedy"] for item in incident["actions"] if item["changed"]] == ["permissions", "restart"], output
    site.host.run('runuser -u "$APP_USER" -- cat "$VENV"/lib/python3*/site-packages/python_slugify-*.dist-info/RECORD')
