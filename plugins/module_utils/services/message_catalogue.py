# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program's message catalogues, read backwards: of what it says in its user's language, the English message. Pure.

A translation is compared as literal pieces with values in between, which are looked for one after another: that takes
as long as the line is, whatever stands in it. Sources: gettext's manual, "The Format of GNU MO Files"; printf(3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Longer lines are a statement or data, and are not looked into.
MOST_CHARACTERS = 4000
# By so many characters of its longest literal piece a translation is found.
_GRAM = 8
# With a literal piece, or literals, of fewer bytes it says nothing; of Chinese, each character has three.
_LEAST_ANCHOR, _LEAST_BYTES = 6, 12
# A message begins where a line does, or after a colon; after so many of these none is looked for.
_MOST_STARTS = 8
_MOST_MORE = 3
_CONVERSION = re.compile(
    r"%(?:(?P<number>\d+)\$)?[-+ #0']*"
    r"(?P<width>\*(?:\d+\$)?|\d+)?(?:\.(?P<precision>\*(?:\d+\$)?|\d+))?(?:hh?|ll?|[zjtLq])?"
    r"(?P<kind>[diouxXeEfFgGaAcspm%])"
)
_NOT = re.compile(r"\bnot\b")
_START = re.compile(r":\s+")
_BREAK = re.compile(r"[ \t]*\n[ \t]*")
_NUMBER = re.compile(r"-?\d+")


class Parts(NamedTuple):
    """A printf format: literal pieces, one more than the arguments between them, which have names, and which count."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    counts: tuple[bool, ...]


class Template(NamedTuple):
    """A translation, with its English message, or two of them: of one thing and of several.

    more: how many lines of the translation follow its first one. A translator may break a line where English has none;
    a log has a tab in front of what follows. A break stands as a space here.
    """

    translation: Parts
    english: tuple[Parts, ...]
    more: int

    @property
    def size(self) -> int:
        """How many characters of it are literal."""
        return sum(map(len, self.translation.pieces))


def parts(text: str) -> Parts | None:
    """A printf format taken apart; None where it is none. `%m`, the error that errno has, takes no argument."""
    pieces, names, counts, end, following = [""], list[str](), list[bool](), 0, 1
    for match in _CONVERSION.finditer(text):
        pieces[-1] += text[end : match.start()]
        end = match.end()
        kind = match.group("kind")
        if kind == "%":
            pieces[-1] += "%"
            continue
        following += sum((match.group(name) or "").startswith("*") for name in ("width", "precision"))
        names.append("m" if kind == "m" else match.group("number") or str(following))
        following += kind != "m"
        counts.append(kind in "diu")
        pieces.append("")
    pieces[-1] += text[end:]
    without = _CONVERSION.sub("", text)
    return None if "%" in without else Parts(tuple(pieces), tuple(names), tuple(counts))


def values(text: str, wanted: Parts) -> dict[str, str] | None:
    """The arguments with which a format gives this text, by name; None where it does not."""
    pieces, found = wanted.pieces, dict[str, str]()
    if not text.startswith(pieces[0]) or (len(pieces) == 1 and text != pieces[0]):
        return None
    place, last = len(pieces[0]), len(wanted.names) - 1
    for number, (name, counts) in enumerate(zip(wanted.names, wanted.counts)):
        piece = pieces[number + 1]
        end = len(text) - len(piece) if number == last else text.find(piece, place)
        if end < place or not text.startswith(piece, end):
            return None
        value = text[place:end]
        if (counts and not _NUMBER.fullmatch(value)) or found.setdefault(name, value) != value:
            return None
        place = end + len(piece)
    return found


class Catalogue:
    """Translations by their longest literal piece, labels, and the errors of the C library.

    pairs: of catalogue_files.messages(). labels: {translation: English} of what stands in front of a message, such as a
    severity. errors: the same of what a value may be. tail: (translation, English) of what may follow a message.
    Where two messages have one translation, the first is taken; none where only one of them says `not`.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[tuple[str, ...], str]],
        labels: dict[str, str],
        errors: dict[str, str],
        tail: tuple[str, str] = ("", ""),
    ) -> None:
        self._index: dict[str, list[tuple[str, Template]]] = {}
        self._values = dict(errors)
        self._errors, self._labels = errors, labels
        for english, translation in _of_one_meaning(pairs):
            self._add(tuple(text.strip("\n") for text in english), translation.strip("\n"))
        self._lengths = sorted({len(gram) for gram in self._index})
        longest_first = sorted(labels, key=len, reverse=True)
        self._label = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})") if labels else None
        self._tail = [found for text in tail if text and (found := parts(text))]

    def _add(self, english: tuple[str, ...], translation: str) -> None:
        wanted, originals = parts(_BREAK.sub(" ", translation)), [parts(_BREAK.sub(" ", text)) for text in english]
        if wanted is None or translation in english:
            return
        named = [original for original in originals if original and set(original.names) <= set(wanted.names)]
        first_line = parts(translation.partition("\n")[0])
        anchor = max(first_line.pieces, key=len).rstrip() if first_line else ""
        enough = len("".join(wanted.pieces).encode()) >= _LEAST_BYTES and len(anchor.encode()) >= _LEAST_ANCHOR
        if named and enough:
            template = Template(wanted, tuple(named), translation.count("\n"))
            self._index.setdefault(anchor[:_GRAM], []).append((anchor, template))
            if not wanted.names:
                self._values.setdefault(wanted.pieces[0], named[0].pieces[0])

    def english(self, text: str) -> str:
        """The text with each message in English that is in the catalogue; the others as they are."""
        return "\n".join(line for _number, line in self.lines(text.split("\n")))

    def lines(self, said: list[str]) -> Iterator[tuple[int, str]]:
        """(number, text) of the lines in English, of a message of several lines in one with the number of its first."""
        number = 0
        while number < len(said):
            text, more = self._line(said[number], said[number + 1 : number + 1 + _MOST_MORE])
            yield number, text
            number += 1 + more

    def _line(self, text: str, following: list[str]) -> tuple[str, int]:
        """A line in English, what stands in front of its message included, and how many more belonged to it."""
        said = text.rstrip()
        if not said or len(said) > MOST_CHARACTERS:
            return text, 0
        match = self._label.search(said) if self._label else None
        if match is None:
            found, more = self._message(said, _starts(said), following)
            return (found or self._with_error(said)) + text[len(said) :], more
        head, body = said[: match.start()], said[match.end() :]
        found, more = self._after_label(body, following)
        head = self._message(head, _starts(head), [])[0] or head
        return head + self._labels[match.group(0)] + found + text[len(said) :], more

    def _after_label(self, body: str, following: list[str]) -> tuple[str, int]:
        """A whole message, and what may follow it."""
        after = ""
        if len(self._tail) == 2 and (place := body.rfind(self._tail[0].pieces[0])) > 0:
            known = values(body[place:], self._tail[0])
            if known is not None:
                body, after = body[:place], self._filled(self._tail[1:], known)
        found, more = self._message(body, [0], following)
        return (found or self._with_error(body)) + after, more

    def _message(self, text: str, starts: list[int], following: list[str]) -> tuple[str, int]:
        """The text with what begins at one of these places in English, and its further lines; empty without any."""
        best, size, more = "", 0, 0
        for template in self._candidates(text):
            if template.size <= size or template.more > len(following):
                continue
            whole = " ".join([text, *(line.strip() for line in following[: template.more])])
            for start in starts:
                known = values(whole[start:], template.translation)
                if known is not None:
                    best = text[:start] + self._filled(template.english, known)
                    size, more = template.size, template.more
                    break
        return best, more

    def _candidates(self, text: str) -> Iterator[Template]:
        for length in self._lengths:
            for gram in dict.fromkeys(text[place : place + length] for place in range(len(text) - length + 1)):
                for anchor, template in self._index.get(gram, ()):
                    if anchor in text:
                        yield template

    def _filled(self, english: Iterable[Parts], known: dict[str, str]) -> str:
        """The English message with its values; of two that of several, where a number is not one."""
        forms = list(english)
        form = forms[-1] if any(c and known[n] != "1" for n, c in zip(forms[-1].names, forms[-1].counts)) else forms[0]
        text = form.pieces[0]
        for name, piece in zip(form.names, form.pieces[1:]):
            # A name is quoted, and is nobody's message.
            value = known[name] if text.endswith('"') else self._values.get(known[name], known[name])
            text += value + piece
        return text

    def _with_error(self, text: str) -> str:
        """A text that ends on an error of the C library's, with that in English: a message need not be translated."""
        head, colon, error = text.rpartition(": ")
        return head + colon + self._errors[error] if colon and error in self._errors else text


def _starts(text: str) -> list[int]:
    """Where in a line a message may begin."""
    return [0, *(match.end() for match in _START.finditer(text))][:_MOST_STARTS]


def _of_one_meaning(pairs: Iterable[tuple[tuple[str, ...], str]]) -> list[tuple[tuple[str, ...], str]]:
    """The pairs without those translations that have messages of opposite meaning: which was meant, nobody knows."""
    known = list(pairs)
    denies: dict[str, set[bool]] = {}
    for english, translation in known:
        denies.setdefault(translation, set()).add(_NOT.search(english[0]) is not None)
    return [(english, translation) for english, translation in known if len(denies[translation]) == 1]
