"""nginx's configuration is split into words as nginx does it: compared with crossplane, on a corpus of our own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import crossplane
import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_syntax
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive

CORPUS = Path(__file__).parent / "nginx_corpus"
KINDS = sorted(folder.name for folder in CORPUS.iterdir())
# (name, arguments, line, what is in its block)
Tree = list[tuple[str, list[str], int, Any]]


def ours(block: list[Directive]) -> Tree:
    """What our reader makes of a block; an include stands where crossplane has replaced it."""
    return [
        (item.name, _bare(item.name, item.words[1:]), item.line, ours(item.block))
        for item in block
        if item.name != "include"
    ]


def theirs(block: list[dict[str, Any]]) -> Tree:
    """What crossplane makes of it. It leaves escapes in the words, which nginx resolves."""
    return [
        (_resolved(item["directive"]), _arguments(item), item["line"], theirs(item.get("block", [])))
        for item in block
        # A comment between the words of a directive is kept whatever one asks for.
        if item["directive"] != "#"
    ]


def _arguments(item: dict[str, Any]) -> list[str]:
    # A Lua block's code is no word: nothing in it is resolved.
    *words, last = item["args"] or [""]
    kept = last if item["directive"].endswith("_by_lua_block") else _resolved(last)
    return [*map(_resolved, words), kept] if item["args"] else []


def _resolved(word: str) -> str:
    return re.sub(r"\\([\"'\\trn])", lambda match: {"t": "\t", "r": "\r", "n": "\n"}.get(match[1], match[1]), word)


def _bare(name: str, words: list[str]) -> list[str]:
    """The words of an `if` without its brackets, which crossplane takes off."""
    text = "\0".join(words)
    return re.sub(r"^\(\0?|\0?\)$", "", text).split("\0") if name == "if" else words


@pytest.mark.parametrize("kind", KINDS)
def test_as_crossplane_reads_it(kind: str) -> None:
    """Names, words, lines and blocks are the same for each kind of text, includes in place."""
    path = str(CORPUS / kind / "nginx.conf")
    read = crossplane.parse(path, comments=False, combine=True, check_ctx=False, check_args=False)
    expected = theirs(read["config"][0]["parsed"])
    assert expected
    root, _files = nginx_config.load(path)
    assert ours(root.block) == expected


def test_the_corpus_has_each_kind() -> None:
    """An empty folder would compare nothing."""
    assert len(KINDS) >= 13
    assert all((CORPUS / kind / "nginx.conf").stat().st_size for kind in KINDS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # ngx_conf_read_token() ends a word at a space, `;` and `{` alone. crossplane ends it at `}` too.
        ("return 200 a}b;", ["return", "200", "a}b"]),
        ("set $x ${a}{;", ["set", "$x", "${a}"]),
        ("set $x a${b;", ["set", "$x", "a${b"]),
        # crossplane knows no long brackets: it takes the brace in one for the block's end.
        (
            "content_by_lua_block { x = [==[ } ]] ]==] --[[ } ]] }",
            ["content_by_lua_block", " x = [==[ } ]] ]==] --[[ } ]] "],
        ),
        ('log_by_lua_block { local a = "\\"}" }', ["log_by_lua_block", ' local a = "\\"}" ']),
    ],
)
def test_as_nginx_reads_it_where_crossplane_does_not(text: str, words: list[str]) -> None:
    """What nginx's and the Lua module's own sources say."""
    assert next(nginx_syntax.statements(text)).words == words


@pytest.mark.parametrize(
    "text", ['root "never closed;', "server { listen 80", "content_by_lua_block { if x then {", "}}"]
)
def test_half_a_configuration_is_read_to_its_end(text: str, tmp_path: Path) -> None:
    """What was cut off names nothing, and is no error of ours."""
    (tmp_path / "nginx.conf").write_text(text)
    root, _files = nginx_config.load(str(tmp_path / "nginx.conf"))
    assert [item.name for item in root.walk() if item.name in ("root", "listen")] == []
