"""A module that the app asks for in vain, and that git keeps out of each checkout: git itself says by which rule."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code

# What .gitignore says, the module that is missing, and the rule and the path that are named; none where git takes it.
RULES = {
    "a folder": ("*.pyc\nlib/\n", "lib", ("lib/", 2, "lib/__init__.py")),
    "a module in it": ("lib/\n", "lib.exports", ("lib/", 1, "lib/exports.py")),
    "below a package": ("build/\n", "shop.build.steps", ("build/", 1, "shop/build/steps.py")),
    "each host's own": ("local_*.py\n", "shop.local_settings", ("local_*.py", 1, "shop/local_settings.py")),
    "a rule with a colon": ("x:y\nlib/\n", "lib", ("lib/", 2, "lib/__init__.py")),
    "taken back": ("lib/*\n!lib/exports.py\n", "lib.exports", None),
    "a stranger": ("*.pyc\nlib/\n", "frobnicate", None),
    "no rules": ("", "lib", None),
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout in a folder that is not writable for others."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "shop").mkdir()
    return tmp_path


@pytest.mark.parametrize("way", RULES)
def test_what_git_ignores(top: Path, way: str) -> None:
    """The first place in which the module would be, and the rule that keeps it out."""
    rules, module, named = RULES[way]
    (top / ".gitignore").write_text(rules, encoding="utf-8")
    found = code.ignored_module(str(top), [str(top)], module)
    if named is None:
        assert found == {}
        return
    pattern, line, path = named
    assert found == {
        "pattern": pattern,
        "line": line,
        "path": str(top / path),
        "file": str(top / ".gitignore"),
    }


def test_what_is_there_is_not_missing(top: Path) -> None:
    """A module that is there fails for another reason, and one outside of the checkout is none of git's business."""
    (top / ".gitignore").write_text("lib/\n", encoding="utf-8")
    assert code.ignored_module(str(top), ["/usr/lib", str(top / "..")], "lib") == {}
    (top / "lib").mkdir()
    (top / "lib" / "__init__.py").write_text("", encoding="utf-8")
    assert code.ignored_module(str(top), [str(top)], "lib") == {}
