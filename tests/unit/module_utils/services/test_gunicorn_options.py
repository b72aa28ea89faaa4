"""gunicorn's command line: what ours makes of it, compared with what gunicorn's own parser does."""

from __future__ import annotations

import argparse
import contextlib
import io
from itertools import chain

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_options
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

THEIRS: argparse.ArgumentParser = Config(prog="gunicorn").parser()
# Those end the program themselves.
ENDS = ("help", "version")
ACTIONS = [action for action in THEIRS._actions if action.option_strings and action.dest not in ENDS]
APPS = ["shop.wsgi", "shop.wsgi:application", "my-shop.wsgi:make(1, 'a b')"]
VALUES = ["7", "007", "info", "shop", "a b", "127.0.0.1:8000"]


def theirs(words: list[str]) -> dict[str, object] | None:
    """What gunicorn's own parser reads; None where it refuses the words."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return vars(THEIRS.parse_args(words))
    except SystemExit:
        return None


@st.composite
def options(draw: st.DrawFn) -> list[str]:
    """One option of gunicorn's, written in any of the ways that its parser takes."""
    # --proxy-protocol is not the same in every version: it has rows of its own below.
    action = draw(st.sampled_from([action for action in ACTIONS if action.dest != "proxy_protocol"]))
    name, value = draw(st.sampled_from(action.option_strings)), draw(st.sampled_from(VALUES))
    if action.nargs == 0:
        return [name]
    joined = f"{name}={value}" if name.startswith("--") else f"{name}{value}"
    return draw(st.sampled_from([[name, value], [joined]]))


ANY = st.lists(options(), max_size=5)


@given(ANY, st.sampled_from([[], *([app] for app in APPS)]), ANY)
def test_any_command_line(before: list[list[str]], app: list[str], after: list[list[str]]) -> None:
    """Options before and after the app, of every kind: the same app and the same values, where gunicorn takes it."""
    words = list(chain(*before, app, *after))
    wanted, reading = theirs(words), gunicorn_options.read(words)
    if wanted is None:
        return
    named = {name: value for name, value in wanted.items() if name != "args" and value is not None}
    assert reading.options.keys() == named.keys()
    # Numbers stay text here.
    assert all(reading.options[name] == value for name, value in named.items() if isinstance(value, (str, list)))
    by_paste = "paste" in named
    assert reading.doubtful == by_paste
    assert by_paste or [reading.app] == (wanted["args"] or [""])


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.option_strings[-1])
def test_every_option(action: argparse.Action) -> None:
    """Each of the library's is known under all its names, by its setting, and takes as many words."""
    for option in action.option_strings:
        takes = [] if action.nargs == 0 else ["v1"]
        reading = gunicorn_options.read([option, *takes, "shop.wsgi", option, *takes])
        assert action.dest in reading.options
        assert (reading.app == "shop.wsgi") != (action.dest == "paste")


@pytest.mark.parametrize("words", ["--umask 007", "--threads 2", "--max-requests 1000", "--log-level info", "-n shop"])
def test_what_stands_behind_the_app_is_not_the_app(words: str) -> None:
    """Nor what stands before it."""
    assert gunicorn_options.read(["shop.wsgi", *words.split()]).app == "shop.wsgi"
    assert gunicorn_options.read([*words.split(), "shop.wsgi"]).app == "shop.wsgi"


@pytest.mark.parametrize(
    ("words", "app", "doubtful"),
    [
        ("", "", False),
        ("--workers 2", "", False),
        ("--timeou 3 shop.wsgi", "shop.wsgi", False),
        ("shop.wsgi --not-yet-known 3", "shop.wsgi", False),
        ("--not-yet-known 3 shop.wsgi", "", True),
        ("--not-yet-known shop.wsgi", "", True),
        ("-w 2 shop.wsgi --bind", "", True),
        ("shop.wsgi -w 2 other.wsgi", "", True),
        ("--work 2 shop.wsgi", "", True),
        ("--paste shop.ini", "", True),
        ("--access-logformat %(h)s %(t)s shop.wsgi", "", True),
        # A flag until gunicorn 23, with a value since.
        ("--proxy-protocol shop.wsgi", "", True),
        ("--proxy-protocol v1", "", False),
        ("--proxy-protocol v1 shop.wsgi", "shop.wsgi", False),
        ("--proxy-protocol -w 2 shop.wsgi", "shop.wsgi", False),
        ("-w 2 -- shop.wsgi", "shop.wsgi", False),
    ],
)
def test_what_is_in_doubt_is_not_guessed(words: str, app: str, doubtful: bool) -> None:
    """An unknown option may take the next word, or not: before it all is certain, after it nothing is."""
    reading = gunicorn_options.read(words.split())
    assert (reading.app, reading.doubtful) == (app, doubtful)
