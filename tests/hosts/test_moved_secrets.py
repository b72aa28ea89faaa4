"""Who owns a folder can rename what others keep in it: no secret of root's is opened because it was moved."""

from __future__ import annotations

from test_traps import ROOT_FOLDER, play

from lab.site import Site, named

AS_APP = "runuser -u www-data --"
KEY, DUMP = f"{ROOT_FOLDER}/xamila/local_settings.py", f"{ROOT_FOLDER}/media/dump.sql"
# Root keeps a key and a dump in the app's folder. The app's user commits a module, puts the key in its place, and the
# dump among the uploads, which nginx serves.
MOVED = f"""
cd {ROOT_FOLDER}
umask 077
echo 'KEY = "of root"' > deploy-key.pem
echo 'rows of root' > dump.sql
{AS_APP} bash -ec '
  umask 022
  echo "# settings of this host" > xamila/local_settings.py
  printf "\\nfrom xamila.local_settings import *  # noqa: F403\\n" >> xamila/settings.py
  git add xamila
  git -c user.name=app -c user.email=app@xamila.example commit -qm "Settings of this host"
  mv -f deploy-key.pem {KEY}
  mv dump.sql {DUMP}
'
systemctl restart xamila; sleep 3
"""
OPENED = """
- name: Owners and modes are right
  rescue502.django.permissions:
    root: /var/www/xamila/xamila_backend
    user: www-data
    media_root: /var/www/xamila/xamila_backend/media
    parts: ["{{ item }}"]
  loop: [code, media]
  ignore_errors: true
"""


def test_a_secret_that_was_moved_is_not_opened(site: Site) -> None:
    """It waits for somebody who has looked at it; a remedy that comes by it refuses it, whatever was judged before."""
    site.host.run(MOVED, check=False)
    assert site.host.ask("/health/")[0] == 502
    assert site.host.run(f"{AS_APP} cat {KEY} {DUMP}", check=False).returncode != 0
    _code, incident, output = site.play("recover", rescue502_level="full")
    assert incident["outcome"] == "needs-approval", output
    assert named(incident) == ["files/code-unreadable", "files/media-not-writable"], output
    assert f"look first at {KEY}, which may be somebody else's" in incident["root_causes"][0]["because"]
    assert play(site, OPENED).count("may be somebody else's") >= 2
    assert site.host.run(f"stat -c '%U %G %a' {KEY} {DUMP}").stdout.split() == ["root", "root", "600"] * 2
    code, incident, output = site.play("recover", rescue502_approve=["files/code-unreadable"])
    assert (code, incident["outcome"]) == (0, "degraded"), output
    assert site.host.run(f"{AS_APP} cat {KEY}").stdout.strip() == 'KEY = "of root"'
    assert site.host.run(f"stat -c '%U %G %a' {DUMP}").stdout.split() == ["root", "root", "600"]
