"""By mail to a person: the checkpoint, and in plain words what it is good for.

SMTP with STARTTLS or TLS from the first byte, the server's certificate verified; in the clear to
this machine alone. The receipt is what the server said when it took the message over (RFC 5321
section 4.2), as a rule with its queue id.
"""

import datetime as dt
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from skold.anchors.places import Place, is_loopback
from skold.anchors.ways import (
    MAX_ANSWER,
    Mailing,
    NotAnchoredError,
    Receipt,
    Security,
    Sent,
    Ways,
    deadline,
    secret_of,
)

_TEXT = """\
This is a checkpoint of the audit ledger of {origin}.

It says that the ledger held {size} records and that their fingerprint was
{root}.
Whoever changes, removes or inserts a record afterwards can no longer make a
ledger that agrees with this message.

What to do with it: keep it, where those who run {origin} cannot change it.
You need not read it today. When you audit, put the attached file beside an
export of the ledger and run the verifier of that export with it, and with the
verify key that you wrote down when you began:

    python3 verify_audit.py EXPORT --key KEY --older {file}

It says whether the ledger of today continues the one of this checkpoint. An
export that holds fewer than {size} records is cut short.

If these messages stop for longer than a day, ask why.
"""


def send_by_mail(place: Place, sent: Sent, ways: Ways) -> Receipt:
    """Raises NotAnchoredError."""
    mailing = ways.mailing
    if not mailing.host or not mailing.sender:
        raise NotAnchoredError("mail needs SKOLD_SMTP_HOST and SKOLD_SMTP_FROM")
    try:
        message = message_for(place, sent, mailing.sender)
        with (
            deadline(ways.patience) as sockets,
            _connect(mailing, ways.patience, sockets) as server,
        ):
            _secure(server, mailing)
            if server.sock is not None:  # another one since STARTTLS
                sockets.append(server.sock)
            _log_in(server, mailing)
            answer = _hand_over(server, mailing.sender, _mailbox(place), message)
    except smtplib.SMTPResponseException as error:
        raise NotAnchoredError(f"the mail server refused with {error.smtp_code}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotAnchoredError(f"the mail server: {_reason(error)}") from error
    return Receipt(answer[:MAX_ANSWER], "text/plain")


def message_for(place: Place, sent: Sent, sender: str) -> EmailMessage:
    """The checkpoint is attached byte for byte; the text says what to do with it."""
    file = f"checkpoint-{sent.size}.txt"
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, _mailbox(place)
    message["Subject"] = f"Audit checkpoint of {sent.origin}: {sent.size} records"
    message["Date"] = format_datetime(dt.datetime.now(dt.UTC))
    message["Message-ID"] = make_msgid(domain=Address(addr_spec=sender).domain)
    # RFC 3834: no answer of an absent auditor comes back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        _TEXT.format(origin=sent.origin, size=sent.size, root=sent.root.hex(), file=file)
    )
    message.add_attachment(
        sent.text.encode(), maintype="application", subtype="octet-stream", filename=file
    )
    return message


def _mailbox(place: Place) -> str:
    return place.address.removeprefix("mailto:")


def _connect(mailing: Mailing, patience: float, sockets: list[socket.socket]) -> smtplib.SMTP:
    if mailing.security is Security.TLS:
        return _OverTls(mailing, patience, sockets)
    return _InTheClear(mailing, patience, sockets)


class _InTheClear(smtplib.SMTP):
    """Watched from its first byte on: smtplib reads the greeting while it connects."""

    def __init__(self, mailing: Mailing, patience: float, sockets: list[socket.socket]) -> None:
        self._watched = sockets
        super().__init__(mailing.host, mailing.port, timeout=patience)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._watched.append(made)
        return made


class _OverTls(smtplib.SMTP_SSL):
    def __init__(self, mailing: Mailing, patience: float, sockets: list[socket.socket]) -> None:
        self._watched = sockets
        context = ssl.create_default_context()
        super().__init__(mailing.host, mailing.port, timeout=patience, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._watched.append(made)
        return made


def _secure(server: smtplib.SMTP, mailing: Mailing) -> None:
    if mailing.security is Security.STARTTLS:
        server.starttls(context=ssl.create_default_context())
    elif mailing.security is Security.NONE and not is_loopback(mailing.host):
        raise NotAnchoredError("SKOLD_SMTP_SECURITY=none is for this machine alone; use starttls")


def _log_in(server: smtplib.SMTP, mailing: Mailing) -> None:
    if mailing.user and mailing.password_file is not None:
        server.login(mailing.user, secret_of(mailing.password_file))


def _hand_over(server: smtplib.SMTP, sender: str, to: str, message: EmailMessage) -> bytes:
    # Not send_message: it keeps what the server says about the message to itself.
    server.ehlo_or_helo_if_needed()
    _agreed(*server.mail(sender))
    _agreed(*server.rcpt(to))
    code, said = server.data(message.as_bytes())
    _agreed(code, said)
    return b"%d %s" % (code, said)


def _agreed(code: int, said: bytes) -> None:
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, said)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not verify ({error.verify_message})"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it offers no STARTTLS or no log-in"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
