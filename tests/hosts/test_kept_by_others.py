"""Real Docker, podman, uWSGI's Emperor and a user's own systemd keep the app: known when well, named when broken."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from managers import CONTAINERS, EMPEROR, OF_A_USER, RUN, SERVES, SET_UNIT, SET_VASSAL

from lab import look
from lab.site import Site, differences, named

pytestmark = pytest.mark.nightly

CAUSE, BY_ITSELF = "service/other-manager", {"rescue502_unit": ""}
ASKED = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
UNTIL_502 = f'until_true "{ASKED} | grep -q 502"\n'
LOOPS = "timeout 30 bash -c 'until [ $(docker inspect -f {{.RestartCount}} shop) -gt 2 ]; do sleep 0.5; done'\n"
PUBLISHED, HOSTS = "--restart unless-stopped -p $BIND:8000", "--network host"
# (what is done; what the report says; what a person is shown)
Ways = dict[str, tuple[str, str, str]]
IN_CONTAINERS: Ways = {
    "docker, well": (f'run docker "{PUBLISHED}" $PACKAGE.wsgi 0.0.0.0:8000\n{SERVES}', "", ""),
    "docker, stopped": (
        "docker stop shop > /dev/null\n",
        "docker shop: exited, ended with status 0",
        "docker restart shop",
    ),
    "docker, cannot load its app": (
        f'run docker "{PUBLISHED}" nothing.wsgi 0.0.0.0:8000\n{LOOPS}',
        "it said: ModuleNotFoundError: No module named 'nothing'",
        "docker logs --tail 50 shop",
    ),
    "docker, listens to itself alone": (
        f'run docker "{PUBLISHED}" $PACKAGE.wsgi 127.0.0.1:8000\nsleep 3\n',
        "which only the container itself reaches: it must bind 0.0.0.0",
        "docker inspect shop",
    ),
    "docker, published elsewhere": (
        'run docker "-p 127.0.0.1:8017:8000" $PACKAGE.wsgi 0.0.0.0:8000\nsleep 3\n',
        "listens on 127.0.0.1:8017",
        "docker ps -a",
    ),
    "Docker itself is stopped": (
        "systemctl stop docker docker.socket\n",
        "docker shop: docker does not run",
        "systemctl start docker",
    ),
    "podman, well": (f'systemctl start docker\nrun podman "{HOSTS}" $PACKAGE.wsgi $BIND\n{SERVES}', "", ""),
    "podman, stopped": ("podman stop shop > /dev/null\n", "podman shop: exited", "podman restart shop"),
    "podman, cannot load its app": (
        f'run podman "{HOSTS}" nothing.wsgi $BIND\n',
        "ended with status 3; it said: ModuleNotFoundError: No module named 'nothing'",
        "podman logs --tail 50 shop",
    ),
    "podman, listens elsewhere": (
        f'run podman "{HOSTS}" $PACKAGE.wsgi 127.0.0.1:8017\nsleep 3\n',
        "listens on 127.0.0.1:8017, answers 404 there; nginx sends to",
        "podman ps -a",
    ),
    "podman by a unit, stopped": (
        "podman rm -f shop > /dev/null\n"
        "printf '[Service]\\nExecStart=/usr/bin/podman run --rm --name shop --network host shop %s\\n' "
        '"$VENV/bin/gunicorn $PACKAGE.wsgi --bind $BIND" > /etc/systemd/system/box.service\nsystemctl daemon-reload\n',
        "podman shop: its unit does not run it",
        "systemctl restart box.service",
    ),
}
OF_AN_EMPEROR: Ways = {
    "well": (SERVES, "", ""),
    "cannot load its app": (
        "set_vassal module nothing.wsgi\n",
        "does not run, though its Emperor does; it said: ModuleNotFoundError: No module named 'nothing'",
        "touch /etc/uwsgi-emperor/vassals/shop.ini",
    ),
    "listens elsewhere": (
        'set_vassal module "$PACKAGE.wsgi"; set_vassal http-socket 127.0.0.1:8017\n'
        'until_true "ss -lnt | grep -q :8017"\n',
        "listens on 127.0.0.1:8017, answers 404 there; nginx sends to",
        "nginx -T",
    ),
    "speaks another protocol": (
        'sed -i "s#^http-socket.*#socket = $BIND#" /etc/uwsgi-emperor/vassals/shop.ini\n'
        "systemctl restart uwsgi-emperor\n"
        'until_true "ss -lnt | grep -q $BIND"\nsleep 2\n',
        "it speaks the protocol uwsgi there, and nginx http",
        "uwsgi_pass",
    ),
    "the Emperor is stopped": (
        "systemctl stop uwsgi-emperor\n",
        "uwsgi-emperor shop.ini: its Emperor does not run",
        "systemctl start uwsgi-emperor.service",
    ),
}
OF_USERS: Ways = {
    "well": (SERVES, "", ""),
    "stopped": (
        "systemctl --user -M deploy@ stop shop\n",
        "systemd-user shop.service: does not run",
        "-M deploy@ restart",
    ),
    "cannot load its app": (
        'set_unit "$PACKAGE.wsgi" nothing.wsgi; sleep 3\n',
        "it said: ModuleNotFoundError: No module named 'nothing'",
        "journalctl _SYSTEMD_USER_UNIT=shop.service",
    ),
    "listens elsewhere": (
        'set_unit nothing.wsgi "$PACKAGE.wsgi"; set_unit "$BIND" 127.0.0.1:8017\n'
        'until_true "ss -lnt | grep -q :8017"\n',
        "listens on 127.0.0.1:8017, answers",
        "-M deploy@ status",
    ),
    "its systemd has ended": (
        'loginctl disable-linger deploy\nuntil_true "! systemctl is-active -q user@$(id -u deploy)"\n',
        "and ends with its user's last login",
        "loginctl enable-linger deploy",
    ),
}


def each_is_named(site: Site, functions: str, ways: Ways) -> None:
    """Well it is called well; broken, its manager, its state and the next command are said, whatever checks are set."""
    for way, (script, words, command) in ways.items():
        site.host.break_with("", functions + script + (UNTIL_502 if words else ""))
        found = look.diagnosed(site.host, load(), BY_ITSELF)
        if not words:
            assert found.evidence["edge"]["well"] is True, way
            assert (found.root_causes, found.evidence["other_managers"]["apps"][0]["pid"] > 0) == ((), True), way
            continue
        assert [cause.id for cause in found.root_causes] == [CAUSE], way
        assert words in found.root_causes[0].because, f"{way}: {found.root_causes[0].because}"
        assert command in found.root_causes[0].by_hand, f"{way}: {found.root_causes[0].by_hand}"


def nothing_is_done(site: Site) -> None:
    """A recovery of what is broken now changes nothing and leaves it to a person."""
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_unit="")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [CAUSE], output
    assert differences(before, site.host.snapshot()) == set()


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_containers(site: Site) -> None:
    """By Docker's and podman's own words, whether they run or not; Docker is not started by being asked."""
    site.host.break_with("", CONTAINERS)
    each_is_named(site, RUN, dict(list(IN_CONTAINERS.items())[:6]))
    assert site.host.run("systemctl is-active docker docker.socket", check=False).stdout.split() == ["inactive"] * 2
    nothing_is_done(site)
    each_is_named(site, RUN, dict(list(IN_CONTAINERS.items())[6:]))


def test_an_emperors_vassal(site: Site) -> None:
    """The Emperor's unit is not taken for the app's."""
    site.host.break_with("", EMPEROR)
    each_is_named(site, SET_VASSAL, OF_AN_EMPEROR)
    nothing_is_done(site)


def test_a_unit_of_a_users_own_systemd(site: Site) -> None:
    """Run by a real manager of a user's, which lingers until somebody takes that away."""
    site.host.break_with("", OF_A_USER)
    each_is_named(site, SET_UNIT, OF_USERS)
    nothing_is_done(site)
