"""Generated hosts: what a seed draws, and that all that is laid out for it is whole."""

from __future__ import annotations

import ast
import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from lab.generator import app, build, choices, configuration, shape
from lab.generator.choices import OPTIONS, PLAIN, drawn, parse
from lab.podman import LabError

SEEDS = range(1, 200)


def test_a_seed_draws_the_same_host_always() -> None:
    """And a few hundred of them draw every option."""
    assert drawn(17) == drawn(17)
    found = [drawn(number) for number in SEEDS]
    for name, options in OPTIONS.items():
        assert {getattr(one, name) for one in found} == set(options), name


def test_what_does_not_go_together_is_made_plain() -> None:
    """What is possible stays as it is."""
    assert replace(PLAIN, starter="socket", server="uvicorn").possible().server == "sync"
    assert replace(PLAIN, server="hypercorn", written="args").possible().written == "words"
    assert all(one.possible() == one for one in map(drawn, SEEDS))


def test_a_seed_with_choices_that_differ() -> None:
    """As `lab up --seed` and a shrunk trial have it."""
    assert parse("17") == drawn(17)
    assert parse("17,bind=folder,layout=www") == replace(drawn(17), bind="folder", layout="www").possible()
    assert parse("tutorial").starter == "socket"
    for wrong in ("x", "17,bind=x", "17,x=tcp", "17,number=3"):
        with pytest.raises(LabError, match="not a valid"):
            parse(wrong)


@pytest.mark.parametrize("seed", [*map(str, range(1, 60)), "tutorial", "plain"])
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
    assert unit["Service"]["ExecStart"].count(f"{made.package}.{'asgi' if made.worker == 'uvicorn' else 'wsgi'}") == 1


def test_settings_that_ask_in_other_ways(tmp_path: Path) -> None:
    """decouple and dotenv ask for each variable; the tutorials' settings hold all values."""
    for kind, has, lacks in (
        ("decouple", "config('SECRET_KEY')", "os.environ["),
        ("dotenv", "load_dotenv(", "config("),
        ("settings", "'secret'", "os.environ["),
    ):
        made = shape.load(f"seed:plain,variables={kind}")
        values = {"SECRET_KEY": "secret", "ALLOWED_HOSTS": "x", "DB_NAME": "x", "DB_USER": "x", "DB_PASSWORD": "x"}
        app.stage(made, tmp_path / kind, values)
        text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / kind / "shop").glob("*.py"))
        assert has in text, kind
        assert lacks not in text, kind


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
