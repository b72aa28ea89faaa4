"""What is made of Django's verdicts, which pages take forms, and what is read of the app server's options."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    rehearsal_source,
    script_form_pages,
    script_origins,
    script_server_scheme,
)

MAX_ARG_STRLEN = 131072
LOGIN = {"path": "/admin/login/", "kind": "login", "is_admin": True}
CONTACT = {"path": "/api/contact/", "kind": "view", "is_admin": False}


def own(path: str, origin: str = "https://shop.example") -> dict[str, Any]:
    return {"own": True, "origin": origin, "path": path}


@pytest.mark.parametrize(
    ("needed", "helps"),
    [
        ({"host"}, ("host",)),
        ({"header"}, ("header",)),
        ({"setting"}, ("setting",)),
        ({"header", "setting"}, ("header", "setting")),
        ({"host", "setting"}, ("host", "setting")),
        ({"list"}, ()),
    ],
)
def test_the_fewest_that_help(needed: set[str], helps: tuple[str, ...]) -> None:
    """No more is said to be wrong than has to be another."""
    assert script_origins.first_that_helps(lambda repairs: needed <= set(repairs)) == helps
    assert script_origins.first_that_helps(lambda _repairs: None) == ()


def test_the_page_is_one_of_that_location() -> None:
    """A location without headers, such as one for websockets, is not where forms are sent."""
    root, api = own("/"), own("/api/")
    assert script_origins.page_for(root, [LOGIN, CONTACT], [root, api]) is LOGIN
    assert script_origins.page_for(api, [LOGIN, CONTACT], [root, api]) is CONTACT
    assert script_origins.page_for(own("/ws/"), [LOGIN, CONTACT], [root, own("/ws/")]) is None
    assert script_origins.page_for(own("/shop/"), [LOGIN], [own("/shop/")]) is None, "nobody reaches it"
    front = {**own("/"), "own": False}
    assert script_origins.page_for(front, [LOGIN, CONTACT], [front]) is CONTACT
    assert script_origins.page_for(front, [LOGIN], [front]) is None


@pytest.mark.parametrize(
    ("package", "inner", "expected"),
    [
        ("django.core.handlers.wsgi", None, True),
        ("whitenoise.base", "django.core.handlers.wsgi", True),
        ("shop.wsgi", "django.core.handlers.wsgi", False),
        ("werkzeug.middleware.proxy_fix", "django.core.handlers.wsgi", False),
    ],
)
def test_only_what_is_djangos_own_is_judged(package: str, inner: str | None, expected: bool) -> None:
    """What wraps it may say another scheme or Host."""

    def made(module: str, **attributes: Any) -> Any:
        return type("Made", (), {"__module__": module, **attributes})()

    within = {"application": made(inner)} if inner else {}
    assert script_origins.is_djangos(made(package, **within)) is expected
    assert not script_origins.is_djangos(None)


def takes(request: Any) -> Any:
    return request.POST


def shows(request: Any) -> Any:
    return request.GET


def exempt(request: Any) -> Any:
    return request.body


exempt.csrf_exempt = True  # type: ignore[attr-defined]


class SessionAuthentication:
    """As Django REST framework's, which checks by itself."""


def view(**attributes: Any) -> Any:
    """A view of a class with these attributes."""
    made = lambda _request: None  # noqa: E731
    made.view_class = type("View", (), attributes)  # type: ignore[attr-defined]
    made.csrf_exempt = "authentication_classes" in attributes  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    ("page", "is_installed", "is_admin", "kind"),
    [
        (takes, True, False, "view"),
        (takes, False, False, ""),
        (shows, True, False, ""),
        (exempt, True, False, ""),
        (shows, False, True, "login"),
        (view(get=1), True, False, ""),
        (view(post=1), True, False, "view"),
        (view(post=1, http_method_names=["get"]), True, False, ""),
        (view(post=1, authentication_classes=[SessionAuthentication]), False, False, "session"),
        (view(post=1, authentication_classes=[]), True, False, ""),
    ],
)
def test_which_pages_are_checked(page: Any, is_installed: bool, is_admin: bool, kind: str) -> None:
    """Those that take what is sent, and that nothing exempts; the admin checks by itself."""
    assert script_form_pages.page_kind(page, is_installed, is_admin) == kind


def test_the_plain_beginning_of_a_pattern() -> None:
    """Up to its first parameter."""
    assert script_form_pages.plain_beginning("posts/<int:pk>/edit/") == "posts/"
    regex = SimpleNamespace(_regex="^orders/(?P<pk>[0-9]+)/$")
    assert script_form_pages.plain_beginning(regex) == "orders/"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bind = 'x'\nworkers = 2 * 3\nforwarded_allow_ips = '*'\n", {"forwarded_allow_ips": "*"}),
        ("import os\nworker_class = os.environ['W']\n", None),
        ("forwarded_allow_ips = '*'\nif 1:\n    forwarded_allow_ips = 'a'\n", None),
        ("from base import *\n", None),
    ],
)
def test_gunicorns_file_is_read_and_not_run(tmp_path: Path, text: str, found: dict[str, str] | None) -> None:
    """What it computes is not known."""
    file = tmp_path / "gunicorn.conf.py"
    file.write_text(text, encoding="utf-8")
    if found is not None:
        assert script_server_scheme.scheme_literals(f"file:{file}") == found
    else:
        with pytest.raises(ValueError, match=r"gunicorn\.conf\.py|malformed"):
            script_server_scheme.scheme_literals(str(file))
    with pytest.raises(FileNotFoundError):
        script_server_scheme.scheme_literals(str(tmp_path / "none.py"))


@pytest.mark.parametrize("argv", [[], ["/bin/start"], ["/v/bin/gunicorn", "$NOT_SET_ANYWHERE", "a:b"], ["daphne"]])
def test_a_server_that_is_not_known_may_say_either(argv: list[str]) -> None:
    """No cause is named from a doubtful reading."""
    plan = {"argv": argv, "server": "daphne" if "daphne" in argv else "gunicorn"}
    assert script_server_scheme.server_schemes(plan, {}, "127.0.0.1") == script_server_scheme.EITHER
    assert script_server_scheme.server_schemes({**plan, "argv": ["gunicorn"]}, {}, None) == script_server_scheme.EITHER


def test_hypercorn_goes_by_its_connection() -> None:
    """It has no option for a proxy's headers."""
    plan = {"argv": ["/v/bin/hypercorn", "shop.asgi"], "server": "hypercorn"}
    headers = {"x-forwarded-proto": "https"}
    assert script_server_scheme.server_schemes(plan, headers, "127.0.0.1") == ("http",)
    assert script_server_scheme.server_schemes(plan, headers, None) == script_server_scheme.EITHER


def test_the_rehearsal_fits_into_one_word() -> None:
    """Linux takes no word of more than 128 KiB, and there is room for what is still to come."""
    program = rehearsal_source.program()
    assert len(program) < MAX_ARG_STRLEN / 2
    assert program.startswith("# rescue502")
    assert "zlib" not in program[:300], "what evidence and lists of processes show of it"
