"""A checkpoint by mail: what the auditor gets, and what protects the way there."""

import contextlib
import email
import email.policy
import socket
import ssl
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from skold.anchors.files import find_newest
from skold.anchors.ways import Mailing, NotAnchoredError, Security, Ways
from tests.support.anchoring import make_certificate

AUDITOR = "mailto:auditor@example.org"


class Inbox:
    """What the server took."""

    def __init__(self, refuse=None):
        self.messages = []
        self._refuse = refuse

    async def handle_DATA(self, _server, session, envelope):
        if self._refuse:
            return self._refuse
        self.messages.append((envelope.rcpt_tos, session.authenticated, envelope.content))
        return "250 2.0.0 Ok: queued as 4711"


@contextlib.contextmanager
def mail_server(inbox, tls=None, **options):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    controller = Controller(
        inbox, hostname="localhost", port=free_port(), tls_context=context, **options
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ways(port, **options):
    sender = "ledger@example.org"
    return Ways(mailing=Mailing("localhost", port, sender=sender, **options), patience=5.0)


@pytest.fixture
def tls(tmp_path, monkeypatch):
    made = make_certificate(tmp_path, "mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))
    return made


def test_the_auditor_gets_the_checkpoint_byte_for_byte_and_what_to_do_with_it(
    anchoring, ledger, tls, tmp_path
):
    password = tmp_path / "password"
    password.write_text("s3cret-mail\n")
    password.chmod(0o600)
    said = []

    def authenticate(_server, _session, _envelope, _mechanism, data):
        said.append((data.login, data.password))
        return AuthResult(success=True)

    inbox = Inbox()
    with mail_server(
        inbox, tls, require_starttls=True, auth_required=True, authenticator=authenticate
    ) as port:
        anchor = anchoring(AUDITOR, ways(port, user="ledger", password_file=password)).attempt()
    ((to, authenticated, raw),) = inbox.messages
    message = email.message_from_bytes(raw, policy=email.policy.default)
    (attached,) = message.iter_attachments()
    text = message.get_body().get_content()
    assert (to, authenticated) == (["auditor@example.org"], True)
    assert said == [(b"ledger", b"s3cret-mail")]
    assert attached.get_content() == ledger.text.encode()
    assert attached.get_filename() == "checkpoint-300.txt"
    assert "300 records" in text
    assert ledger.root.hex() in text
    assert "verify_audit.py" in text
    assert anchor.receipt == b"250 2.0.0 Ok: queued as 4711"
    assert "auditor" not in anchor.place


def test_mail_may_be_protected_from_its_first_byte(anchoring, tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    inbox = Inbox()
    with mail_server(inbox, ssl_context=context) as port:
        anchoring(AUDITOR, ways(port, security=Security.TLS)).attempt()
    assert len(inbox.messages) == 1


def test_a_server_without_starttls_gets_nothing(anchoring, ledger):
    inbox = Inbox()
    with mail_server(inbox) as port, pytest.raises(NotAnchoredError, match="no STARTTLS"):
        anchoring(AUDITOR, ways(port)).attempt()
    assert inbox.messages == []
    assert find_newest(ledger.folder) is None


def test_a_server_of_an_unknown_certificate_gets_nothing(anchoring, tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    inbox = Inbox()
    with mail_server(inbox, tls) as port, pytest.raises(NotAnchoredError, match="certificate"):
        anchoring(AUDITOR, ways(port)).attempt()
    assert inbox.messages == []


def test_mail_in_the_clear_leaves_this_machine_never(anchoring):
    mailing = Mailing("mail.example.org", 1, Security.NONE, "ledger@example.org")
    with pytest.raises(NotAnchoredError):
        anchoring(AUDITOR, Ways(mailing=mailing, patience=0.5)).attempt()


def test_to_this_machine_it_may_go_in_the_clear(anchoring):
    inbox = Inbox()
    with mail_server(inbox) as port:
        anchoring(AUDITOR, ways(port, security=Security.NONE)).attempt()
    assert len(inbox.messages) == 1


def test_a_message_that_the_server_refuses_is_no_anchor(anchoring, ledger):
    with (
        mail_server(Inbox("452 4.3.1 no room")) as port,
        pytest.raises(NotAnchoredError, match="452"),
    ):
        anchoring(AUDITOR, ways(port, security=Security.NONE)).attempt()
    assert find_newest(ledger.folder) is None


def test_mail_without_a_sender_says_which_settings_it_needs(anchoring):
    with pytest.raises(NotAnchoredError, match="SKOLD_SMTP_HOST and SKOLD_SMTP_FROM"):
        anchoring(AUDITOR).attempt()


def test_a_server_that_talks_byte_by_byte_ends_with_the_patience(anchoring):
    def drip():
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                for _ in range(200):
                    connection.sendall(b"2")
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, daemon=True).start()
        mailing = Mailing("127.0.0.1", listening.getsockname()[1], Security.NONE, "a@example.org")
        started = time.monotonic()
        with pytest.raises(NotAnchoredError):
            anchoring(AUDITOR, Ways(mailing=mailing, patience=0.6)).attempt()
        assert time.monotonic() - started < 3
