# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue's conditions and sentences: Jinja2 in its sandbox, with evidence as values and never as source.

An undefined value raises, so a condition about evidence that is not there is *unknown*, never true: `not x.listening`
must not hold merely because nobody could look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean, clean_tree
from jinja2 import StrictUndefined, TemplateAssertionError, TemplateSyntaxError, nodes
from jinja2.environment import Template, TemplateExpression
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


def _search(value: Any, pattern: str) -> bool:
    return re.search(pattern, str(value)) is not None


def _first(value: Any, pattern: str) -> str:
    """The first group of the first match, or an empty string."""
    match = re.search(pattern, str(value))
    return match.group(1) if match else ""


def _is(wanted: Any) -> Callable[[Any], bool]:
    """Jinja's own tests by identity take what is undefined for a value that differs."""

    def test(value: Any) -> bool:
        if isinstance(value, StrictUndefined):
            str(value)  # raises, as any other use of it does
        return value is wanted

    return test


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.tests.update(search=_search, true=_is(True), false=_is(False), none=_is(None))
    environment.filters["first_match"] = _first
    return environment


_ENVIRONMENT = _environment()


# A condition that begins with a fact, and whose fact is looked at before all else. In `a.b if c else d` it is not.
_FIRST_FACT = re.compile(r"(?:not |\()*([a-z_]+)\.(?!.* if )", re.DOTALL)


@cache
def first_section(source: str) -> str:
    """The section of the evidence that a condition looks at before all else; empty where its text does not show it.

    Where that section is missing the condition is unknown, and need not be compiled: most of them on a healthy host.
    """
    match = _FIRST_FACT.match(source)
    return match.group(1) if match else ""


# What is asked for is compiled once, when it is first asked: a look at a healthy host needs few of them.
@cache
def _expression(source: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)


@cache
def _template(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


def holds(source: str, evidence: dict[str, Any]) -> bool:
    """Whether a condition that check_expression accepts holds; what is unknown from the evidence does not."""
    return bool(value(source, evidence))


def verdict(source: str, evidence: dict[str, Any]) -> bool | None:
    """Whether a condition holds; None where that is not known from the evidence."""
    if _is_about_nothing(source, evidence):
        return None
    try:
        result = _expression(source)(**evidence)
        return None if isinstance(result, StrictUndefined) else bool(result)
    except Exception:
        return None


# Evidence that is absent, or of another kind than was expected, can make Jinja and Python raise about anything, and
# none of it may end a diagnosis: sources were checked when they were loaded, so the evidence is at fault.


def value(source: str, evidence: dict[str, Any]) -> Any:
    """The value of an expression that check_expression accepts, as plain data; None where the evidence lacks it."""
    if _is_about_nothing(source, evidence):
        return None
    try:
        result = _expression(source)(**evidence)
        # What is undefined within a list raises here.
        return None if isinstance(result, StrictUndefined) else clean_tree(result)
    except Exception:
        return None


def _is_about_nothing(source: str, evidence: dict[str, Any]) -> bool:
    section = first_section(source)
    return bool(section) and section not in evidence


def compile_ahead(conditions: Iterable[str], sentences: Iterable[str] = ()) -> None:
    """Compile what will be asked soon. Raises jinja2.TemplateSyntaxError."""
    for source in conditions:
        _expression(source)
    for source in sentences:
        _template(source)


def sentence(source: str, evidence: dict[str, Any]) -> str:
    """A text with values of the evidence put in; where one is missing, the text says so rather than fail."""
    template = _template(source)
    try:
        return clean(template.render(**evidence)).strip()
    except Exception as error:
        return f"(some evidence for this sentence is missing: {clean(str(error))})"


def names(source: str) -> set[str]:
    """The pieces of evidence that an expression looks at, as dotted names, each as far as it is spelled out."""
    found = {_dotted(node) for node in expression_tree(source).find_all((nodes.Name, nodes.Getattr, nodes.Getitem))} - {
        ""
    }
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


def _dotted(node: nodes.Node) -> str:
    """`a.b.c` for a chain of attributes; an index adds nothing, and what is not a chain has no name."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getitem):
        return _dotted(node.node)
    if isinstance(node, nodes.Getattr):
        inner = _dotted(node.node)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def check_expression(source: str) -> None:
    """Raise jinja2.TemplateSyntaxError where the source is not a valid expression, or names an unknown filter or test.

    It is not compiled: loading a catalogue needs no more.
    """
    _check_names(expression_tree(source))


def expression_tree(source: str) -> nodes.Output:
    """An expression's tree, not compiled. Raises jinja2.TemplateSyntaxError."""
    parser = Parser(_ENVIRONMENT, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("more than one expression", parser.stream.current.lineno)
    return nodes.Output([expression])


def check_sentence(source: str) -> None:
    """Raise jinja2.TemplateSyntaxError where the source is not a valid template, or names an unknown filter or test.

    It is not compiled: loading a catalogue needs no more.
    """
    _check_names(sentence_tree(source))


def sentence_tree(source: str) -> nodes.Template:
    """A text's tree, not compiled. Raises jinja2.TemplateSyntaxError."""
    return _ENVIRONMENT.parse(source)


def _check_names(tree: nodes.Node) -> None:
    """Check what Jinja itself would report only when it compiles."""
    for kind, known in ((nodes.Filter, _ENVIRONMENT.filters), (nodes.Test, _ENVIRONMENT.tests)):
        for node in tree.find_all(kind):
            if node.name not in known:
                raise TemplateAssertionError(f"no {kind.__name__.lower()} named {node.name!r}", node.lineno)
