"""From a fault to its repair by an alert, with nobody at the keyboard and each part as its makers ship it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from alert_chain import PORTS, ROOT, Chain, answers, fetch, wait_until
from web_server import serving

from lab.site import Site, put


@pytest.mark.nightly
@pytest.mark.xdist_group("alert-chain")
def test_an_alert_brings_the_site_back(site: Site, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """Fault, scrape, alert, webhook, recovery; the seconds of each are recorded."""
    fetch()
    assert not any(answers(port) for port in PORTS.values()), "the samples' ports are free"
    folder = tmp_path / "chain"
    folder.mkdir()
    chain = Chain(site, folder)
    try:
        chain.up()
        # Prometheus has seen the site well.
        time.sleep(12)
        begun = time.time()
        site.host.break_with("service/stopped")
        assert site.host.ask(site.shape.api_path)[0] == 502
        wait_until(lambda: site.host.ask(site.shape.api_path)[0] == 200, 240)
        seconds = time.time() - begun
        wait_until(lambda: '"outcome": "recovered"' in "".join(map(Path.read_text, reports(folder))), 60)
        (report,) = reports(folder)
        incident = json.loads(report.read_text(encoding="utf-8"))
        assert [action["remedy"] for action in incident["actions"]] == ["restart"]
        record_property("seconds from the fault to 200", round(seconds, 1))
        print(f"seconds from the fault to 200: {seconds:.1f}; run began {incident['started']}, fault {begun:.1f}")
    finally:
        chain.down()
        print("\n".join(chain.log(path.stem)[-3000:] for path in folder.glob("*.log")))


def reports(folder: Path) -> list[Path]:
    """The records of all runs that alerts have started."""
    return list((folder / "reports").glob("*Z-*/*.json"))


@pytest.mark.nightly
def test_a_watch_brings_the_site_back(site: Site) -> None:
    """The controller asks the site itself; a host that is well is not connected to."""
    edge = [{"url": f"http://{site.host.address()}{site.shape.api_path}", "host": site.shape.server_name}]
    words = ("-e", json.dumps({"rescue502_edge": edge}))
    logins = "journalctl -u ssh -u sshd -o cat | grep -c Accepted"
    before = site.host.run(logins, check=False).stdout
    done = site.rescue502("watch", *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    assert site.host.run(logins, check=False).stdout == before
    site.host.break_with("service/stopped")
    assert site.host.ask(site.shape.api_path)[0] == 502
    done = site.rescue502("watch", *words)
    assert (done.returncode, "status 502 instead of 200" in done.stdout) == (0, True), done.stdout + done.stderr
    assert "RECOVERED" in done.stdout
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.nightly
def test_a_unit_that_fails_says_so_itself(site: Site) -> None:
    """The samples for OnFailure=: the controller gets the request of the rulebook `webhook`, with the token."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((site.host.address(), 9))
        here = way.getsockname()[0]
    folder = ROOT / "docs" / "examples" / "watch"
    with serving(here) as server:
        unit = (folder / "rescue502-alert@.service").read_text(encoding="utf-8")
        assert "https://controller.example.com:5502/" in unit
        unit = unit.replace("https://controller.example.com:5502/", server.url)
        put(site.host, "/etc/systemd/system/rescue502-alert@.service", unit)
        dropin = (folder / "10-rescue502-alert.conf").read_text(encoding="utf-8")
        site.host.run("mkdir -p /etc/systemd/system/shop.service.d /etc/rescue502")
        put(site.host, "/etc/systemd/system/shop.service.d/10-rescue502-alert.conf", dropin)
        put(site.host, "/etc/systemd/system/shop.service", "[Service]\nExecStart=/bin/false\nRestart=always\n")
        put(site.host, "/etc/rescue502/alert.curl", 'header = "Authorization: Bearer s3cret"\n')
        site.host.run("chmod 600 /etc/rescue502/alert.curl; systemctl daemon-reload; systemctl start --no-block shop")
        wait_until(lambda: bool(server.requests), 60)
        (request,) = server.requests
        assert (request.method, request.headers["Authorization"]) == ("POST", "Bearer s3cret")
        assert json.loads(request.body) == {"host": "web1"}
