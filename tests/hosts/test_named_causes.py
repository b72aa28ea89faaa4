"""What nothing here may repair is named on a real host, by the probe alone; where faults do not meet, several together.

That a play says the same, and leaves the host alone, is shown each night by test_failure_modes.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from tiers import marks

from lab import Host, look, matrix
from lab.site import Site, differences, settings_for

CATALOGUE = load()
# Faults that do not meet: all show on one host, in the order in which they are reproduced. Each other failure mode
# without a remedy has a host of its own.
TOGETHER = (
    ("edge/cors-not-allowed", "environment/debug-on", "edge/tls-expires-soon"),
    ("environment/allowed-hosts", "edge/tls-expired"),
    ("database/permission-denied", "edge/tls-name-mismatch"),
    ("code/wsgi-module-wrong", "proxy/config-invalid"),
    ("code/does-not-load", "proxy/upstream-mismatch"),
    ("database/refused-by-hba", "proxy/redirect-loop"),
    ("dependencies/not-in-requirements", "proxy/timeout"),
    ("schema/conflicting-migrations", "proxy/protocol-mismatch"),
    ("service/option-unknown", "code/conflict-committed"),
    ("service/user-missing", "database/config-invalid"),
    ("service/type-wrong", "code/crashes-on-load"),
    ("service/dependency-failed", "environment/file-lost"),
    ("service/confined", "database/unreachable-remote"),
    ("schema/tables-differ", "files/served-unreadable"),
)


# What others show too: a cause of a kind that a batch above has, or that tests of its own show.
NIGHTLY = {
    # Of the kinds that tests/hosts/test_between_nginx_and_app.py shows, or near those of the batches.
    "proxy/path-changed", "proxy/cached-answer", "proxy/not-listening", "proxy/tls-not-configured",
    "proxy/tls-handshake", "proxy/upstream-certificate", "proxy/authorization-service", "proxy/header-doubled",
    "proxy/redirects-by-itself", "proxy/proxy-protocol", "proxy/masked", "proxy/dependency-failed",
    "proxy/unit-refuses", "edge/tls-untrusted", "edge/differs-from-app", "host/loopback-down", "host/system-closed",
    "service/address-not-here", "service/socket-path-taken", "service/socket-path-too-long",
    "database/dependency-failed", "service/limited",
    "service/no-workers", "service/port-denied", "service/script-name-wrong",
    "proxy/held", "proxy/port-filtered", "proxy/pid-file-differs", "proxy/file-not-served",
    "service/start-too-slow", "service/start-waits", "service/unit-invalid",
    "proxy/origin-not-passed", "database/prepared-transaction", "host/hidden-by-mount", "service/port-of-a-connection",
    "proxy/upstream-refuses-tls", "dependencies/linked-folder-lost",
    "schema/partly-applied", "schema/index-left-invalid", "database/index-invalid", "database/statistics-missing",
    "database/numbers-used-up", "database/numbers-running-out", "database/log-kept",
    "database/collation-changed", "database/mysql-refuses",
    "service/option-wrong", "code/load-hangs", "code/raises-on-request", "service/app-not-found",
    "service/ended-unloaded", "database/wrong-password", "files/log-elsewhere", "proxy/refuses-by-itself",
    "service/crashes-at-start",
    "database/file-denied", "host/resolver-file-unreadable",
    "database/unreachable-remote", "service/confined", "service/kept-down", "service/notify-refused",
    "host/mounted-noexec",
    "service/socket-in-private-tmp", "service/socket-dir-denied", "service/unit-missing",
    "service/start-check-failed", "service/start-pre-failed",
    "service/setup-failed", "service/condition-unmet", "service/worker-boot-failed", "service/workdir-missing",
    "environment/settings-module-wrong", "environment/value-invalid", "environment/credential-missing",
    "schema/ahead-of-code", "code/uncommitted-edits", "database/no-connection", "database/disk-full",
    "database/password-expired", "host/dns-broken", "host/clock-skew", "host/read-only", "proxy/socket-missing",
    "proxy/site-not-enabled", "files/media-elsewhere", "edge/cors-hidden-by-502",
    "host/locale-missing", "host/library-missing", "host/program-missing",
    "code/program-fails", "database/kept-by-hand", "service/start-scheduled",
    "host/file-missing", "dependencies/shadowed-module", "dependencies/other-python",
    "dependencies/driver-missing", "dependencies/broker-unreachable",
    "edge/not-from-outside", "edge/otherwise-from-outside",
    "proxy/answers-in-its-place", "proxy/body-too-big", "proxy/forwarded-contradictory",
    "proxy/name-not-served", "proxy/open-files", "proxy/other-front", "proxy/rate-limited",
    "proxy/temporary-files", "proxy/upstream-unreachable",
    "database/connection-limit", "database/data-missing", "database/other-cluster", "database/read-only",
    "database/refuses-to-start", "database/tls-refused", "service/ended-by-limit", "service/other-manager",
    "proxy/connections-exhausted",
    "database/connect-denied", "database/pooler-refuses", "database/shared-memory-removed",
    "database/tables-elsewhere", "database/wraparound", "files/folder-unusable", "files/folder-unusable-so-far",
    "dependencies/not-installed", "proxy/other-server-answers", "proxy/socket-out-of-sight", "host/not-mounted",
    "edge/csrf-host-differs", "edge/csrf-origin-not-trusted", "edge/csrf-scheme-not-believed",
    "proxy/host-not-passed", "service/interface-mismatch", "dependencies/service-unreachable",
    "edge/csrf-scheme-not-passed", "edge/preflight-refused", "database/password-unusable",
    "service/slower-than-timeout", "code/module-ignored", "code/refuses-request", "code/url-unknown",
    "environment/secret-key-varies", "environment/sessions-in-one-process",
    "edge/cookie-not-returned", "edge/cookie-secure-over-http", "service/queue-full",
    "database/cluster-displaced", "files/app-file-denied",
    "edge/cors-doubled", "edge/cors-lost-in-nginx", "edge/cors-credentials", "proxy/client-certificate",
    "proxy/upstream-unresolved", "proxy/request-too-long", "host/local-ports-exhausted", "host/conntrack-full",
    "code/submodule-missing", "database/host-malformed", "database/pooler-loses-session", "database/damaged",
    "environment/key-changed", "database/extension-missing", "code/lfs-pointer", "code/file-emptied",
    "proxy/static-not-served", "files/build-missing", "files/translations-missing",
    "environment/not-as-written",
    "files/compressed-copy-old",
    "database/never-migrated", "database/sequence-behind", "database/sqlite-locked",
    "database/statement-refused", "database/time-limit", "database/too-old", "database/waits-for-standby",
    "dependencies/do-not-fit", "dependencies/python-does-not-start",
    "files/app-file-missing",
    "schema/asked-while-loading", "schema/cache-table-missing", "schema/history-inconsistent",
    "database/row-security",
    "environment/key-missing", "proxy/other-front-stopped", "service/type-wrong", "code/crashes-on-load",
    "schema/conflicting-migrations", "proxy/protocol-mismatch",
    "host/access-policy", "host/neighbour-takes-all", "code/request-eats-cpu", "database/long-query",
}  # fmt: skip


def batches() -> list[tuple[str, tuple[str, ...]]]:
    """All failure modes without a remedy, each in one batch, with a shape of host that suits all of the batch."""
    wanted = [mode.id for mode in CATALOGUE.modes.values() if not mode.remedy]
    taken = {name for batch in TOGETHER for name in batch}
    every = (*TOGETHER, *((name,) for name in wanted if name not in taken))
    return [(matrix.suitable_for_all([CATALOGUE.modes[name] for name in batch])[0], batch) for batch in every]


@pytest.mark.parametrize(
    ("site", "batch"),
    [pytest.param(*batch, marks=marks(not NIGHTLY & set(batch[1]))) for batch in batches()],
    indirect=["site"],
    ids=lambda item: "+".join(item) if isinstance(item, tuple) else "",
)
def test_named(site: Site, batch: tuple[str, ...]) -> None:
    """Exactly these are named, each with commands for a person, as causes where they take the site down.

    What is a mere symptom is found, and is not named.
    """
    healthy, settings = site.host.snapshot(), {}
    for fault in batch:
        settings |= settings_for(fault, site.shape)
        site.host.break_with(fault)
    broken = site.host.snapshot()
    assert took(site.host, healthy, broken)
    found = by_play(site) if set(batch) & look.PLAYED else look.diagnosed(site.host, CATALOGUE, settings)
    symptoms = {name for name in batch if CATALOGUE.modes[name].symptom}
    named = {finding.id: finding for finding in found.to_repair}
    if symptoms:
        assert symptoms <= {finding.id for finding in found.findings}
        assert not symptoms & set(named)
    else:
        assert set(named) == set(batch)
        outages = {name for name in batch if CATALOGUE.modes[name].severity == "outage"}
        assert {cause.id for cause in found.root_causes} == outages
        assert all(finding.by_hand.strip() for finding in named.values())
    assert differences(broken, site.host.snapshot()) == set(), "a look must change nothing"


def by_play(site: Site) -> Diagnosis:
    """What is made of the evidence that a play brought."""
    _code, incident, output = site.play("diagnose", rescue502_level="full")
    assert incident, output
    return diagnose(incident["evidence"], CATALOGUE)


def took(host: Host, healthy: dict[str, Any], broken: dict[str, Any]) -> bool:
    """Whether the faults are there: something on the host differs, or it answers otherwise."""
    return differences(healthy, broken) != set() or host.ask(host.shape.api_path)[0] != 200


def test_every_mode_without_a_remedy_is_in_one_batch() -> None:
    """A mode that was renamed must not drop out unseen."""
    listed = [name for _shape, batch in batches() for name in batch]
    assert sorted(listed) == sorted(mode.id for mode in CATALOGUE.modes.values() if not mode.remedy)
