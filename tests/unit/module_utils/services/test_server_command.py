"""The command line of a shadow start: gunicorn's own parser says that nothing but the address is changed."""

from __future__ import annotations

from itertools import chain

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import server_command
from hypothesis import given
from hypothesis import strategies as st
from test_gunicorn_options import APPS, options, theirs

SOCKET = "/run/rescue502-trial-7/socket"
# What a shadow start sets for itself, or does without.
CHANGED = {
    "bind": [f"unix:{SOCKET}"],
    "workers": 1,
    "pidfile": f"{SOCKET}.pid",
    "errorlog": "-",
    "accesslog": "/dev/null",
    "graceful_timeout": 1,
    "daemon": None,
    "reload": None,
    "reuse_port": None,
}


@given(given_options=st.lists(options(), max_size=5), app=st.sampled_from(APPS))
def test_gunicorn_reads_all_else_as_before(given_options: list[list[str]], app: str) -> None:
    """Whatever is given, in whatever way it is written."""
    words = [*chain.from_iterable(given_options), app]
    before = theirs(words)
    started = server_command.for_trial(["/srv/shop/venv/bin/gunicorn", *words], SOCKET, 0)
    after = theirs(started[1:])
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after == {**before, **{name: value for name, value in CHANGED.items() if name in before}}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("gunicorn -b :8000 shop.wsgi -w 3", "gunicorn shop.wsgi -w 3"),
        ("gunicorn -Db:8000 --bin=:1 shop.wsgi --umask 007", "gunicorn shop.wsgi --umask 007"),
        ("python -m gunicorn --bind $ADDRESS --threads 4 shop.wsgi", "python -m gunicorn --threads 4 shop.wsgi"),
        ("gunicorn --worker-colour red --bind :1 shop.wsgi", "gunicorn --worker-colour red shop.wsgi"),
        ("gunicorn shop.wsgi --workers", "gunicorn shop.wsgi"),
    ],
)
def test_what_is_not_known_stays_where_it_is(words: str, kept: str) -> None:
    """So that gunicorn itself says what is wrong with it."""
    assert server_command.for_trial(words.split(), SOCKET, 0)[: len(kept.split())] == kept.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "uvicorn shop.asgi:app --host 0.0.0.0 --port=80 --lifespan on",
            f"uvicorn shop.asgi:app --lifespan on --uds {SOCKET}",
        ),
        ("daphne -b 0.0.0.0 -p 80 shop.asgi:app", f"daphne shop.asgi:app -u {SOCKET}"),
        ("hypercorn shop.asgi:app --bind :80", f"hypercorn shop.asgi:app --bind unix:{SOCKET} --workers 1"),
    ],
)
def test_other_servers(words: str, expected: str) -> None:
    """Those that take a Unix socket."""
    assert server_command.for_trial(words.split(), SOCKET, 0) == expected.split()


@pytest.mark.parametrize(
    "words", [["/bin/sh", "-c", "exec gunicorn shop.wsgi"], ["/srv/start"], [],
              ["gunicorn", "--", "shop.wsgi"]],
)  # fmt: skip
def test_what_may_start_anything_is_not_tried(words: list[str]) -> None:
    """A script, or a server whose options we do not know."""
    with pytest.raises(ValueError, match=r"it is started through|its options end"):
        server_command.for_trial(words, SOCKET, 0)


def test_a_control_server_is_left_out() -> None:
    """It would take the socket of the running one."""
    assert "--no-control-socket" in server_command.for_trial(["gunicorn", "shop.wsgi"], SOCKET, 25)
    assert "--no-control-socket" not in server_command.for_trial(["gunicorn", "shop.wsgi"], SOCKET, 23)
