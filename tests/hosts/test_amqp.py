"""A broker of AMQP that refuses the app: what it says to a login is the cause, as the app's own client meets it."""

from __future__ import annotations

from pathlib import Path

import brokers
import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

CATALOGUE = load()
BROKER = "dependencies/broker-unreachable"
CLIENT = "amqp==5.2.0"
STAND_IN = Path(__file__).parent / "planted" / "amqp_broker.py"
# A stand-in for the broker, and the client that Celery uses; the app opens a connection with each request.
START = """
systemd-run -q --unit broker python3 /var/tmp/amqp_broker.py 5672 shop right-one-1 /
until_true 'ss -lnt | grep -q :5672'
"""
IMPORTS = """from amqp import Connection
from django.conf import settings
from urllib.parse import unquote, urlsplit"""
VISIT = """        parts = urlsplit(settings.CELERY_BROKER_URL)
        with Connection(
            host=parts.netloc.rpartition("@")[2], userid=parts.username, password=unquote(parts.password),
            virtual_host=unquote(parts.path[1:]) or "/", connect_timeout=3,
        ):
            return self.get_response(request)"""
HELD = "amqp://shop:right-one-1@127.0.0.1:5672//"
WAYS = {
    "the password is wrong": ("right-one-1", "wrong-one-2", "403 ACCESS_REFUSED"),
    "the user is gone": ("shop:", "shop-of-old:", "403 ACCESS_REFUSED"),
    "no such virtual host": ("5672//", "5672/web", "530 NOT_ALLOWED - vhost web not found"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_it_refuses(site: Site, way: str) -> None:
    """That is the one cause, with what the broker says; the app answers with what is right."""
    before, after, words = WAYS[way]
    site.host.put("/var/tmp/amqp_broker.py", STAND_IN.read_bytes())
    brokers.put_client(site, CLIENT)
    app = brokers.app(CLIENT, IMPORTS, VISIT, f'CELERY_BROKER_URL = "{HELD}"')
    site.host.break_with("", f"{START}{app}restart_app\n")
    assert site.host.ask(site.shape.api_path)[0] == 200, "the app and the stand-in speak with each other"
    site.host.break_with("", f"sed -i 's#{before}#{after}#' \"$ROOT/$PACKAGE/settings.py\"\nrestart_app")
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [BROKER]
    assert words in found.root_causes[0].because, found.root_causes[0].because
    assert "wrong-one-2" not in str(found.evidence)
