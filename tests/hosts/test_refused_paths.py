"""What the app's own settings, and what stands in its checkout's place, cannot have root do."""

from __future__ import annotations

import pytest
from handed_out import all_text
from test_traps import ROOT_FOLDER, play
from unharmed import count, left_as_it_was

from lab.site import Site, differences, named

LOGS = "/var/log/xamila"
SETTINGS = f"{ROOT_FOLDER}/xamila/settings.py"
SHADOW = "daemon:*:"
AS_APP = "runuser -u www-data --"
# A folder of root's that everybody can write, made into what git takes for its own: its configuration runs a command.
# A check of the owner of what the link leads to finds root.
PLANTED_GIT = f"""
cd {ROOT_FOLDER}
cp -a .git/. /dev/shm/
chown root:root /dev/shm
mv .git /srv/git-that-was
{AS_APP} ln -s /dev/shm .git
printf '[filter "planted"]\\n\\tclean = touch /srv/planted; cat\\n\\trequired = true\\n' >> /dev/shm/config
mkdir -p /dev/shm/info
echo 'manage.py filter=planted' > /dev/shm/info/attributes
touch manage.py
"""
# A site that serves: nothing opens what its settings name before something is written there.
DELAYED = r"""cp -p {settings} /srv/settings.kept
sed -i 's#"filename": "[^"]*"#"filename": "{log}", "delay": True#' {settings}
"""
ASSIGNED = "cp -p {settings} /srv/settings.kept; sed -i 's#^{name} = .*#{name} = \"{path}\"#' {settings}\n"
HARMLESS = {
    "a-log-of-shadow": (DELAYED.format(settings=SETTINGS, log="/etc/shadow"), "/etc/shadow"),
    "a-log-among-sudoers": (DELAYED.format(settings=SETTINGS, log="/etc/sudoers.d/shop.log"), "/etc/sudoers.d"),
    "a-log-below-roots-home": (DELAYED.format(settings=SETTINGS, log="/root/logs/shop.log"), "/root/logs"),
    "media-among-units": (
        ASSIGNED.format(settings=SETTINGS, name="MEDIA_ROOT", path="/etc/systemd/system"),
        "/etc/systemd/system",
    ),
    "media-in-cron": (ASSIGNED.format(settings=SETTINGS, name="MEDIA_ROOT", path="/etc/cron.d"), "/etc/cron.d"),
    "static-among-units": (
        ASSIGNED.format(settings=SETTINGS, name="STATIC_ROOT", path="/etc/systemd/system"),
        "/etc/systemd/system",
    ),
}
SERVES = """
systemctl reset-failed "$UNIT"; systemctl restart "$UNIT"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
KEPT = f"mv /srv/settings.kept {SETTINGS}\n"
OWNERS = """
stat -c '%n %U:%G %a' /etc/shadow /etc/sudoers.d /etc/systemd/system /etc/cron.d /root; ls /root /etc/sudoers.d
"""
GIVEN_AWAY = """
- name: Owners and modes are right
  rescue502.django.permissions:
    root: /var/www/xamila/xamila_backend
    venv: /var/www/xamila/xamila_backend/venv
    user: www-data
    media_root: "{{ item.media | default('') }}"
    logs: "{{ item.logs | default([]) }}"
    folders: "{{ item.folders | default(omit) }}"
    parts: [media, logs]
  loop:
    - {media: /etc/systemd/system}
    - {media: /var/log}
    - {media: /var/www}
    - {media: /srv/planted-media, folders: []}
    - {media: /var/www/xamila/xamila_backend/linked/uploads}
    - {logs: [/etc/shadow]}
    - {logs: [/var/log/../../etc/shadow]}
    - {logs: [/var/log/missing.log]}
    - {logs: [/root/missing.log]}
    - {logs: [/srv/planted-media/missing.log], folders: []}
    - {logs: [/var/www/xamila/xamila_backend/linked/missing.log]}
    - {logs: [/var/www/xamila/xamila_backend/hard.log]}
  ignore_errors: true
"""


def test_git_is_not_run_through_a_link(site: Site) -> None:
    """Root's git would run what the link leads to; neither the look, nor a remedy, nor a deploy runs it."""
    site.host.run(PLANTED_GIT)
    plain = f"git -c safe.directory='*' -C {ROOT_FOLDER} status --porcelain"
    site.host.run(f"{plain}; test -e /srv/planted && rm /srv/planted")
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"]) == (0, "healthy"), output
    reported = {item["what"]: item["why"] for item in incident["evidence"]["probe"]["unread"]}
    assert reported["what git says of the checkout"] == f"{ROOT_FOLDER}/.git is a link: git is not run through it"
    assert "head" not in incident["evidence"]["code"]["git"]
    code, _incident, output = site.play("redeploy")
    assert code == 2, output
    assert f"{ROOT_FOLDER}/.git is a link: git is not run through it" in " ".join(output.split())
    site.host.run("test ! -e /srv/planted")
    assert site.host.ask("/api/sgis/")[0] == 200


def test_settings_give_nothing_of_the_systems_away(site: Site) -> None:
    """MEDIA_ROOT and a log's name lead to root's own: the site is down by that, and the report says it."""
    site.host.run(
        f"""
        {AS_APP} sed -i 's#"filename": "[^"]*"#"filename": "/etc/shadow"#' {SETTINGS}
        {AS_APP} sed -i 's#^MEDIA_ROOT = .*#MEDIA_ROOT = "/etc/systemd/system"#' {SETTINGS}
        systemctl restart xamila; sleep 3
        """
    )
    broken = site.host.snapshot()
    assert site.host.ask("/api/sgis/")[0] == 502
    _code, incident, output = site.play("recover", rescue502_level="full")
    error = incident["evidence"]["rehearsal"]["steps"]["apps"]["error"]
    assert "/etc/shadow" in str(error), "it bars the start"
    assert "files/log-elsewhere" in named(incident), output
    assert incident["outcome"] == "needs-human", output
    (reported,) = (item["by_hand"] for item in incident["awaiting"] if item["id"] == "files/log-elsewhere")
    assert "chown" not in reported
    assert site.play("bundle", rescue502_level="full")[0] in (0, 2)
    assert SHADOW in site.host.run("cat /etc/shadow").stdout
    assert SHADOW not in all_text(site.folder)
    changed = differences(broken, site.host.snapshot())
    count(changed=changed)
    assert changed == set(), output


@pytest.mark.nightly
def test_settings_of_a_site_that_serves_give_nothing_away(site: Site) -> None:
    """The site answers throughout; nothing is given away, neither unasked nor with all that could be approved."""
    owners = site.host.run(OWNERS).stdout
    approved = ["permissions", "collectstatic", "files/log-not-writable", "files/media-not-writable"]
    for name, (plant, path) in HARMLESS.items():
        site.host.break_with("", f"{plant}{SERVES}")
        for approvals in ([], approved):
            assert site.host.ask("/api/sgis/")[0] == 200, name
            with left_as_it_was(site):
                _code, incident, output = site.play("recover", rescue502_level="full", rescue502_approve=approvals)
            assert path in str(incident["evidence"]), f"{name} is seen"
            assert [action for action in incident["actions"] if action["changed"]] == [], output
        assert (site.host.ask("/api/sgis/")[0], site.host.run(OWNERS).stdout) == (200, owners), name
        if path == "/etc/shadow":
            assert site.play("bundle", rescue502_level="full")[0] == 0
        site.host.break_with("", f"{KEPT}{SERVES}")
    assert SHADOW in site.host.run("cat /etc/shadow").stdout
    assert SHADOW not in all_text(site.folder)


@pytest.mark.nightly
def test_the_module_gives_nothing_of_the_systems_away(site: Site) -> None:
    """Whatever it is asked for: the system's, what many share, what is outside, and what links lead to."""
    site.host.run(
        f"""
        mkdir -m 700 /srv/planted-media /srv/planted-media/uploads
        {AS_APP} ln -s /srv/planted-media {ROOT_FOLDER}/linked
        touch /srv/of-root; chmod 600 /srv/of-root; ln /srv/of-root {ROOT_FOLDER}/hard.log
        """
    )
    assert site.host.run(f"stat -c '%h %U' {ROOT_FOLDER}/hard.log").stdout.split() == ["2", "root"]
    before = site.host.snapshot()
    output = play(site, GIVEN_AWAY)
    assert output.count("failed: [") == GIVEN_AWAY.count("    - {"), output
    changed = differences(before, site.host.snapshot())
    count(changed=changed)
    assert changed == set()


def test_a_logs_folder_is_given_back(site: Site) -> None:
    """Root has taken the folder: it is opened as far as it takes, to reach the logs, or to make one that is gone."""
    for take, owner in ((f"chmod 700 {LOGS}", "root 710"), (f"chmod 700 {LOGS}; rm {LOGS}/django.log", "root 730")):
        site.host.run(f"chown root:root {LOGS}; {take}; systemctl restart xamila; sleep 3", check=False)
        assert site.host.run(f"stat -c '%U %a' {LOGS}").stdout.strip() == "root 700"
        assert site.host.ask("/api/sgis/")[0] == 502
        before = site.host.snapshot()
        code, incident, output = site.play("recover")
        assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["files/log-not-writable"]), output
        assert [action["remedy"] for action in incident["actions"]] == ["permissions", "restart"]
        assert site.host.run(f"stat -c '%U %a' {LOGS}").stdout.strip() == owner
        changed = differences(before, site.host.snapshot())
        assert {item for item in changed if not item.startswith(f"files:{LOGS}")} == set()
        assert site.host.ask("/api/sgis/")[0] == 200
