"""From a fault to its repair by an alert, with nobody at the keyboard and each part as its makers ship it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from alert_chain import PORTS, Chain, answers, fetch, wait_until

from lab.site import Site


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
