"""Client certificates: known by their fingerprint, ended when they expire or are revoked."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.certificate_identity import Certificate, CertificateInvalid, read_certificate
from skold.models import Client, ClientCertificate
from skold.services.rules import check_actor


def parse_certificate(pem: str) -> Certificate:
    """Raises ValidationError naming `pem`; also for a private key, which nobody may send."""
    if "PRIVATE KEY" in pem:
        text = _("This holds a private key. Send the certificate alone, and replace the key.")
        raise ValidationError({"pem": text})
    if pem.count("-----BEGIN CERTIFICATE-----") != 1:
        raise ValidationError({"pem": _("Give exactly one certificate in PEM, without its chain.")})
    try:
        return read_certificate(pem.encode())
    except CertificateInvalid as error:
        raise ValidationError({"pem": str(error)}) from error


def add_certificate(*, actor: str, client: Client, pem: str, label: str = "") -> ClientCertificate:
    """The certificate speaks for the client from the next policy on (1 s), until it expires.

    Raises ValidationError naming the field.
    """
    check_actor(actor)
    read = parse_certificate(pem)
    expires = dt.datetime.fromtimestamp(read.not_after, dt.UTC)
    if expires <= timezone.now():
        raise ValidationError({"pem": _("This certificate has expired already.")})
    row = ClientCertificate(
        fingerprint=read.fingerprint,
        client=client,
        label=label,
        subject=read.subject[:500],
        expires_at=expires,
        created_by=actor,
    )
    row.full_clean()
    row.save(force_insert=True)
    return row


def revoke_certificate(*, actor: str, certificate: ClientCertificate) -> ClientCertificate:
    """End it here for good. Revoking it again changes nothing: the first time and actor stay."""
    check_actor(actor)
    ClientCertificate.objects.filter(pk=certificate.pk, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_by=actor
    )
    certificate.refresh_from_db()
    return certificate
