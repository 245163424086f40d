"""Whether two key templates can lead to the same key: then a key would belong to two sources."""

import re

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_ANY, _MORE = object(), object()


def can_collide(first: str, second: str) -> bool:
    """Whether some key fits both templates, whatever text stands for the names in braces.

    Says True in doubt: what a column can hold is not known here, so a name stands for one or more
    characters of any kind.
    """
    a, b = _parts(first), _parts(second)
    # meets[j]: whether some text fits both what follows a's place and what follows b's place j.
    meets = _row(None, b, [False] * (len(b) + 1), last=True)
    for part in reversed(a):
        meets = _row(part, b, meets, last=False)
    return meets[0]


def _row(part: object | None, b: list[object], below: list[bool], *, last: bool) -> list[bool]:
    row = [False] * (len(b) + 1)
    for j in range(len(b), -1, -1):
        other = b[j] if j < len(b) else None
        if last and other is None:
            row[j] = True
        elif part is _MORE:
            row[j] = below[j] or (other is not None and row[j + 1])
        elif other is _MORE:
            row[j] = row[j + 1] or (not last and below[j])
        elif not last and other is not None:
            fits = part is _ANY or other is _ANY or part == other
            row[j] = fits and below[j + 1]
    return row


def _parts(template: str) -> list[object]:
    parts: list[object] = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        parts += [*template[end : found.start()], _ANY, _MORE]
        end = found.end()
    return parts + list(template[end:])
