"""Templates with names in braces: keys from the values of a record and back, old URLs to values."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

MAX_FIELDS = 8

_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_$]{0,62})\}")


class BadPattern(ValueError):
    """A template that says nothing, or more than one thing; the text is fit for its author."""


class KeyPattern:
    """`{year}/{id}.jpg`: leads from named values to a text and back.

    Values are not empty. A text is read from the left: a value ends where the text behind it in the
    template first occurs. `parse(format(values)) == values` therefore fails for values that hold
    that text themselves, and who needs the way back checks it. Raises BadPattern for a template in
    which two names touch, one occurs twice, or one is not among `names`.
    """

    __slots__ = ("_literals", "names", "template")

    def __init__(self, template: str, names: Iterable[str]) -> None:
        self.template = template
        self._literals, self.names = _split(template)
        allowed = set(names)
        for name in self.names:
            if name not in allowed:
                raise BadPattern(
                    f"{template!r} names {{{name}}}, which is not among {_list(allowed)}"
                )

    def format(self, values: Mapping[str, str]) -> str:
        """The text of these values; KeyError where one is absent."""
        parts = [self._literals[0]]
        for name, literal in zip(self.names, self._literals[1:], strict=True):
            parts += (values[name], literal)
        return "".join(parts)

    def parse(self, text: str) -> dict[str, str] | None:
        """The values that lead to `text`, None where none do. Linear in its length."""
        first, last = self._literals[0], self._literals[-1]
        if not self.names:
            return {} if text == first else None
        if not (text.startswith(first) and text.endswith(last)):
            return None
        position, end = len(first), len(text) - len(last)
        values = {}
        for name, literal in zip(self.names[:-1], self._literals[1:-1], strict=True):
            found = text.find(literal, position + 1, end)
            if found < 0:
                return None
            values[name] = text[position:found]
            position = found + len(literal)
        values[self.names[-1]] = text[position:end]
        return values if end > position else None


class UrlPattern:
    """`/photo/{album}/{id}.jpg` or `/photo?id={id}`: the values that an old URL carries.

    A name in the path stands within one segment, and percent is decoded behind the split. Of the
    query each parameter of the pattern must occur once, in any order, `+` being a space; parameters
    that the pattern does not name are ignored. Raises BadPattern.
    """

    __slots__ = ("_parameters", "_segments", "names", "pattern")

    def __init__(self, pattern: str) -> None:
        path, question, query = pattern.partition("?")
        if not path.startswith("/"):
            raise BadPattern(f"{pattern!r} does not begin with /")
        if "#" in pattern or any(character.isspace() for character in pattern):
            raise BadPattern(f"{pattern!r} contains a space or #, which no request carries")
        self.pattern = pattern
        self._segments = [_inner(segment) for segment in path.split("/")]
        self._parameters = _parameters(pattern, query) if question else {}
        inner = (*self._segments, *self._parameters.values())
        self.names = tuple(name for part in inner for name in part.names)
        if len(set(self.names)) != len(self.names):
            raise BadPattern(f"{pattern!r} has the same name twice")
        if len(self.names) > MAX_FIELDS:
            raise BadPattern(f"{pattern!r} has more than {MAX_FIELDS} names")

    def match(self, raw_path: bytes, query: bytes) -> dict[str, str] | None:
        """The values, None where the URL is another one or is not UTF-8."""
        segments = raw_path.split(b"/")
        if len(segments) != len(self._segments):
            return None
        pairs = list(zip(self._segments, segments, strict=True))
        if self._parameters:
            given = _given(query)
            for name, part in self._parameters.items():
                if len(found := given.get(name, [])) != 1:
                    return None
                pairs.append((part, found[0]))
        return _values(pairs)


def _values(pairs: list[tuple[KeyPattern, bytes]]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for part, raw in pairs:
        try:
            found = part.parse(unquote_to_bytes(raw).decode("utf-8"))
        except UnicodeDecodeError:
            return None
        if found is None:
            return None
        values |= found
    return values


def _given(query: bytes) -> dict[bytes, list[bytes]]:
    given: dict[bytes, list[bytes]] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        given.setdefault(unquote_to_bytes(name), []).append(value)
    return given


def _parameters(pattern: str, query: str) -> dict[bytes, KeyPattern]:
    parameters: dict[bytes, KeyPattern] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        raw = name.encode("utf-8")
        if not name or "{" in name or raw in parameters:
            raise BadPattern(f"{pattern!r}: a parameter is written name=value, once")
        parameters[raw] = _inner(value)
    return parameters


def _inner(template: str) -> KeyPattern:
    return KeyPattern(template, _NAME.findall(template))


def _split(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = _NAME.split(template)
    literals, names = tuple(parts[::2]), tuple(parts[1::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise BadPattern(
            f"{template!r}: a name is written in braces and consists of a-z, 0-9 and _"
        )
    if not all(literals[1:-1]):
        raise BadPattern(f"{template!r}: text must stand between two names")
    if len(set(names)) != len(names):
        raise BadPattern(f"{template!r} has the same name twice")
    if len(names) > MAX_FIELDS:
        raise BadPattern(f"{template!r} has more than {MAX_FIELDS} names")
    return literals, names


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "no names at all"
