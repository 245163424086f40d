"""The second line: what looks like a credential does not reach a log, whoever wrote it there.

The first line is that nothing of ours logs one. This one is for libraries, for exceptions that
repeat what they were given, and for the day when somebody forgets. Imports no Django.
"""

import re
from typing import Any

from structlog.typing import EventDict

HIDDEN = "[hidden]"
_NAMES = (
    "authorization|proxy-authorization|cookie|set-cookie|x-client-cert|password|passwd|passphrase|"
    "secret|token|access_token|id_token|refresh_token|client_secret|api_key|apikey|private_key|"
    "csrfmiddlewaretoken|sig|signature|sslpassword|otp|otp_token|salt|sessionid"
)
_NAME = re.compile(rf"(?:[\w.-]*[_-])?(?:{_NAMES})", re.IGNORECASE)
"""Names whose values are hidden whole, wherever they stand in an event."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # The id of a key may be read; it is in every record.
    (re.compile(r"(skd_[0-9A-Za-z]{12})_[0-9A-Za-z]+"), rf"\1_{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic|Negotiate|Digest)\s+[\w.~+/=:-]+", re.IGNORECASE),
     rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),  # a JSON web token
    (re.compile(r"((?:^|[?&;\s\"'])(?:sig|signature|token|access_token|code)=)[^&\s\"'#]+"),
     rf"\1{HIDDEN}"),
    (re.compile(r"(?i)((?:contentserver_session|sessionid|csrftoken)=)[^;\s\"']+"),
     rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(b?['\"]?\s*[:=,]\s*)(?!\s)"
                r"(b?'[^']*'|b?\"[^\"]*\"|[^\r\n]+)"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+(@)"), rf"\1{HIDDEN}\2"),  # a DSN, RFC 3986 3.2.1
    (re.compile(r"(?i)\b((?:ssl)?password['\"]?\s*[=:]\s*)('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s,&;]+)"),
     rf"\1{HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                re.DOTALL), HIDDEN),
)  # fmt: skip


def hide_secrets(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """A processor: every text of the event without what looks like a credential."""
    return {key: _hidden(key, value) for key, value in event.items()}


def hide(text: str) -> str:
    """The text, credentials replaced by HIDDEN."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _hidden(name: Any, value: Any) -> Any:
    if isinstance(name, str) and value and _NAME.fullmatch(name):
        return HIDDEN
    return _clean(value)


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {key: _hidden(key, entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(entry) for entry in value]
    # Anything else is written as its text, so its text is what must be clean.
    return hide(value if isinstance(value, str) else repr(value))
