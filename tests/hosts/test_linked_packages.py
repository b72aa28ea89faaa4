"""Packages that are linked in from a folder outside of the virtual environment, which the app cannot use any more."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
CAUSE, MOUNT = "dependencies/linked-folder-lost", "host/not-mounted"
SITE = 'SITE="$("$VENV/bin/python" -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')"\n'
SERVES = """
systemctl reset-failed "$UNIT" || true
restart_app
timeout 30 bash -c 'until curl -sf -o /dev/null -H "Host: $SERVER_NAME" "http://127.0.0.1$API_PATH"; do sleep 0.2; done'
"""
# As setuptools' own finder for an editable package looks for it: a path that may not be looked at raises.
FINDER = r"""
cat > "$SITE/__editable___rates_1_0_finder.py" <<'PYTHON'
import sys
from importlib.util import spec_from_file_location
from pathlib import Path

MAPPING = {"rates": "/home/other/src/rates"}


class _Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        init = Path(MAPPING[name], "__init__.py") if name in MAPPING else None
        return spec_from_file_location(name, init) if init and init.exists() else None


def install():
    sys.meta_path.append(_Finder)
PYTHON
LINE='import __editable___rates_1_0_finder; __editable___rates_1_0_finder.install()'
printf '%s\n' "$LINE" > "$SITE/__editable__.rates-1.0.pth"
mkdir -p /home/other/src; cp -r /home/deploy/rates/rates /home/other/src/
"""
# How it is linked, so that the site serves; how that is lost; and what is said.
WAYS = {
    "a home that was closed": (
        "link_package /home/deploy/rates",
        "chmod 700 /home/deploy",
        "comes from /home/deploy/rates, where {site}/__editable__.rates-1.0.pth leads; "
        "/home/deploy does not let www-data in (owner root, mode 0700)",
    ),
    "a folder that was moved": (
        "chmod 755 /home/deploy",
        "mv /home/deploy /home/moved",
        "leads; /home/deploy is not there",
    ),
    "setuptools' finder": (
        "mv /home/moved /home/deploy" + FINDER,
        "chmod 700 /home/other/src",
        "/home/other/src does not let www-data in (owner root, mode 0700)",
    ),
    "a variable, and a file system that is gone": (
        "rm $SITE/__editable__* && rm -r $SITE/rates-1.0.dist-info\n"
        "mkdir -p /srv/shared; mount -t tmpfs tmpfs /srv/shared; cp -r /home/deploy/rates /srv/shared/python\n"
        "unit_drop_in '[Service]' 'Environment=PYTHONPATH=/srv/shared/python'",
        "umount /srv/shared",
        "may have come from /srv/shared/python, where PYTHONPATH leads; /srv/shared/python is not there",
    ),
    "a link in the app's folder": (
        "rm -r /run/systemd/system/$UNIT.d; systemctl daemon-reload; ln -s /home/deploy/rates/rates $ROOT/rates",
        "rm -r /home/deploy/rates",
        "comes from /home/deploy/rates/rates, where {root}/rates leads; /home/deploy/rates is not there",
    ),
}


@pytest.mark.nightly
def test_the_folder_in_the_way_is_named(site: Site) -> None:
    """In several ways, one after the other: nothing is opened, nothing is installed, and the way by hand helps."""
    for way, (link, loss, said) in WAYS.items():
        site.host.break_with("", f"{SITE}{link}\n{SERVES}")
        assert site.host.ask(site.shape.api_path)[0] == 200, way
        site.host.break_with("", f"{SITE}{loss}\nrestart_app")
        assert site.host.ask(site.shape.api_path)[0] in (500, 502), way
        broken = site.host.snapshot()
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [CAUSE], way
        venv = "/var/www/xamila/xamila_backend/venv/lib/python3.11/site-packages"
        assert said.format(site=venv, root="/var/www/xamila/xamila_backend") in found.root_causes[0].because, way
        assert differences(broken, site.host.snapshot()) == set(), way
        if way == "a home that was closed":
            asked = ["dependencies/missing", "pip_install", "permissions", "rollback_code"]
            code, incident, output = site.play("recover", rescue502_approve=asked)
            assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
            assert named(incident) == [CAUSE]
            assert site.host.run("stat -c %a /home/deploy").stdout.strip() == "700"
            assert "setfacl -m u:www-data:x /home/deploy" in found.root_causes[0].by_hand
            # The same without the package acl.
            site.host.break_with("", f"chmod 701 /home/deploy\n{SERVES}")
        if "a file system" in way:
            site.host.run("echo 'shared /srv/shared tmpfs nofail 0 0' >> /etc/fstab")
            (cause,) = look.diagnosed(site.host, CATALOGUE).root_causes
            assert (cause.id, "/srv/shared, with a linked package on it" in cause.because) == (MOUNT, True)
    # Where the unit itself does not let its processes see the folder, that is the cause.
    hidden = "write_drop_in /run hidden '[Service]' 'ProtectHome=yes'\nrestart_app"
    site.host.break_with("", f"{SITE}rm $ROOT/rates; link_package /home/deploy/rates\n{SERVES}\n{hidden}")
    assert site.host.ask(site.shape.api_path)[0] in (500, 502)
    (cause,) = look.diagnosed(site.host, CATALOGUE).root_causes
    assert (cause.id, "No module named 'rates'" in cause.because) == ("service/confined", True)
