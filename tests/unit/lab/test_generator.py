"""Generated hosts: what a seed draws, and that all that is laid out for it is whole."""

from __future__ import annotations

import ast
import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from lab import shape as shapes
from lab.generator import app, build, choices, configuration, shape
from lab.generator.choices import LATER, OPTIONS, PLAIN, SINCE, drawn, parse
from lab.podman import LabError

SEEDS = range(1, 200)
# Numbers that draw also the options that came later.
NEW = range(SINCE, SINCE + 200)


def test_a_seed_draws_the_same_host_always() -> None:
    """And a few hundred of them draw every option."""
    assert drawn(17) == drawn(17)
    found = [drawn(number) for number in SEEDS]
    for name, options in OPTIONS.items():
        assert {getattr(one, name) for one in found} == set(options), name
    found = [drawn(number) for number in NEW]
    for name, options in OPTIONS.items():
        assert {getattr(one, name) for one in found} == {*options, *LATER.get(name, ())}, name


@pytest.mark.parametrize("name", shapes.names())
def test_the_labs_own_shapes_can_be_broken_by_operators(name: str) -> None:
    """By their names they are themselves, with what operators may ask for besides; with a choice, a host like them."""
    usual, made = shapes.load(name), shape.load(f"seed:{name}")
    assert made.usual == shape.base(made).name == name
    assert made.facts().items() >= usual.facts().items()
    assert made.features() >= usual.features() | {"gunicorn", "code=git", "owner=app"}
    assert ("database=password" in made.features()) == ("postgresql_here" in made.features())
    assert parse(name).possible() == parse(name)
    assert not shape.load(f"seed:{name},static=none").usual


def test_what_came_later_leaves_kept_numbers_alone() -> None:
    """tests/fuzz/regressions.json names hosts by number: as they were drawn when they were kept."""
    assert str(drawn(7002)) == "number=7002 hardening=some proxy=variable told=edge"
    assert str(drawn(20030)) == (
        "number=20030 name=payroll layout=home server=uvicorn-worker written=module variables=unit database=sqlite "
        "static=whitenoise proxy=include"
    )
    assert not [one for one in map(drawn, range(1, 3000)) if one.server in LATER["server"]]


def test_what_does_not_go_together_is_made_plain() -> None:
    """What is possible stays as it is."""
    assert replace(PLAIN, starter="socket", server="uvicorn").possible().server == "sync"
    assert replace(PLAIN, server="hypercorn", written="args").possible().written == "words"
    assert replace(PLAIN, server="daphne", written="configured").possible().written == "words"
    assert replace(PLAIN, server="gevent", written="configured").possible().written == "file"
    assert replace(PLAIN, server="uwsgi", starter="socket", written="configured").possible().written == "file"
    assert all(one.possible() == one for one in map(drawn, (*SEEDS, *NEW)))


def test_a_seed_with_choices_that_differ() -> None:
    """As `lab up --seed` and a shrunk trial have it."""
    assert parse("17") == drawn(17)
    assert parse("17,bind=folder,layout=www") == replace(drawn(17), bind="folder", layout="www").possible()
    assert parse("tutorial").starter == "socket"
    for wrong in ("x", "17,bind=x", "17,x=tcp", "17,number=3"):
        with pytest.raises(LabError, match="not a valid"):
            parse(wrong)


@pytest.mark.parametrize("seed", [*map(str, range(1, 60)), *map(str, NEW[:60]), "tutorial", "plain"])
def test_what_is_laid_out(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code compiles, no variable's place is left empty, the unit reads, and its command names the app once."""
    monkeypatch.setattr(build, "wheels", lambda _lines: [])
    made = shape.load(f"seed:{seed}")
    build.stage(made, tmp_path)
    for path in (tmp_path / "app").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
        assert "xamila" not in path.read_text(encoding="utf-8"), path
    texts = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "rendered").iterdir()}
    assert not [name for name, text in texts.items() if "@SECRET" in text or "{{" in text]
    assert texts["nginx-site.conf"].count("{") == texts["nginx-site.conf"].count("}")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(texts["app.service"])
    assert unit["Service"]["User"] == made.user
    named = tmp_path / "app" / "uwsgi.ini"
    naming = unit["Service"]["ExecStart"] + (named.read_text(encoding="utf-8") if named.exists() else "")
    assert naming.count(f"{made.package}.{'asgi' if made.worker == 'uvicorn' else 'wsgi'}") == 1


def test_settings_that_ask_in_other_ways(tmp_path: Path) -> None:
    """decouple and dotenv ask for each variable; the tutorials' settings hold all values."""
    for kind, has, lacks in (
        ("decouple", "config('SECRET_KEY')", "os.environ["),
        ("dotenv", "load_dotenv(", "config("),
        ("environ", "env('SECRET_KEY')", "os.environ["),
        ("pydantic", "SECRET_KEY: str\n", "os.environ["),
        ("settings", "'secret'", "os.environ["),
    ):
        made = shape.load(f"seed:plain,variables={kind}")
        values = {"SECRET_KEY": "secret", "ALLOWED_HOSTS": "x", "DB_NAME": "x", "DB_USER": "x", "DB_PASSWORD": "x"}
        app.stage(made, tmp_path / kind, values)
        text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / kind / "shop").glob("*.py"))
        assert has in text, kind
        assert lacks not in text, kind


@pytest.mark.parametrize(
    ("server", "file", "line"),
    [
        ("hypercorn", "app/hypercorn.toml", 'bind = ["127.0.0.1:8000"]'),
        ("uvicorn", "rendered/environment", "UVICORN_PORT=8000"),
        ("uwsgi", "app/uwsgi.ini", "socket = 127.0.0.1:8000"),
        ("uwsgi-http", "app/uwsgi.ini", "http-socket = 127.0.0.1:8000"),
    ],
)
def test_what_stands_on_no_command_line(
    server: str, file: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is in a file of the server's own, or among the app's variables."""
    monkeypatch.setattr(build, "wheels", lambda _lines: [])
    build.stage(shape.load(f"seed:plain,written=configured,server={server}"), tmp_path)
    assert line in (tmp_path / file).read_text(encoding="utf-8").splitlines()
    assert "8000" not in (tmp_path / "rendered" / "app.service").read_text(encoding="utf-8")


@pytest.mark.parametrize("proxy", OPTIONS["proxy"])
def test_nginx_speaks_to_uwsgi(proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own protocol in each of nginx's ways, and a careful operator names no address of HTTP."""
    monkeypatch.setattr(build, "wheels", lambda _lines: [])
    made = shape.load(f"seed:plain,server=uwsgi,proxy={proxy}")
    build.stage(made, tmp_path)
    text = (tmp_path / "rendered" / "nginx-site.conf").read_text(encoding="utf-8")
    assert "proxy_" not in text
    assert text.count("uwsgi_pass ") == 1
    assert "rescue502_health_url" not in made.careful_settings()


def test_commands() -> None:
    """Each way to write gunicorn's command line."""
    wanted = {
        "words": "gunicorn --bind 127.0.0.1:8000 --workers 2",
        "short": "shop.wsgi",
        "args": "gunicorn shop.wsgi:application",
        "module": "python -m gunicorn --bind",
    }
    for written, part in wanted.items():
        made = shape.make("seed:plain", replace(choices.PLAIN, written=written))
        assert part in configuration.command(made, configuration.gunicorn_options(made)[0]), written
