"""A real Redis as the app's cache: why it does not serve the app is asked of Redis itself, as the settings say."""

from __future__ import annotations

import brokers
import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

CATALOGUE = load()
BROKER = "dependencies/broker-unreachable"
CLIENT = "redis==5.0.8"
# Redis, and an app that counts visits in its cache.
START = """
apt-get -qq update > /dev/null
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends redis-server > /dev/null 2>&1
systemctl start redis-server
"""
VISIT = """        cache.set("visits", 1)
        return self.get_response(request)"""
CACHES = """CACHES = {{"default": {{
    "BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "{url}", "OPTIONS": {options},
}}}}"""
PLAIN = "redis://127.0.0.1:6379/1"
LOCKED = "redis-cli config set requirepass right-one-1 > /dev/null"
# The cache's address, its options, bash that breaks it, and what the sentence must hold.
WAYS = {
    "it is down": (PLAIN, "{}", "systemctl stop redis-server", "Connection refused"),
    "it has another password": ("redis://:wrong-one-2@127.0.0.1:6379/1", "{}", LOCKED, "WRONGPASS"),
    "it has another password, in the options": (PLAIN, '{"password": "wrong-one-2"}', LOCKED, "WRONGPASS"),
    "it wants a password": (PLAIN, "{}", LOCKED, "NOAUTH"),
    "it has fewer databases": ("redis://127.0.0.1:6379/77", "{}", "", "database 77: ERR DB index is out of range"),
    "its memory is full": (PLAIN, "{}", "redis-cli config set maxmemory 1 > /dev/null", "its memory is full"),
    "it is a replica": (
        PLAIN,
        "{}",
        "redis-cli replicaof 203.0.113.9 6379 > /dev/null",
        "it is a replica of 203.0.113.9",
    ),
    "it is frozen": (PLAIN, "{}", "systemctl kill -s STOP redis-server", "no answer within"),
}


@pytest.mark.parametrize("way", WAYS)
def test_why_it_does_not_serve(site: Site, way: str) -> None:
    """That is the one cause, with what Redis says; neither the code nor the app's process is blamed."""
    url, options, fault, words = WAYS[way]
    brokers.put_client(site, CLIENT)
    settings = CACHES.format(url=url, options=options)
    app = brokers.app(CLIENT, "from django.core.cache import cache", VISIT, settings)
    site.host.break_with("", f"{START}{app}{fault}\nrestart_app\n")
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [BROKER]
    assert words in found.root_causes[0].because, found.root_causes[0].because
    assert "wrong-one-2" not in str(found.evidence)
