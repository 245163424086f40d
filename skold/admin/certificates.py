"""Client certificates in the admin: taken as PEM, shown, revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from skold import services
from skold.admin.actors import actor_of, name_made
from skold.admin.decorators import display
from skold.admin.keys import KeyAdmin
from skold.models import ClientCertificate
from skold.models.keys import Credential
from skold.services.certificates import parse_certificate
from skold.uses import with_last_use


class CertificateForm(forms.ModelForm):  # type: ignore[type-arg]
    """The certificate says everything but whose it is."""

    pem = forms.CharField(
        label=_("Certificate"),
        help_text=_("PEM, from BEGIN CERTIFICATE to END CERTIFICATE; never the private key."),
        max_length=32_768,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
    )

    class Meta:
        model = ClientCertificate
        fields = ["client", "label"]

    def clean_pem(self) -> str:
        pem: str = self.cleaned_data["pem"]
        try:
            read = parse_certificate(pem)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        if ClientCertificate.objects.filter(pk=read.fingerprint).exists():
            raise ValidationError(_("This certificate was added before; it is never added twice."))
        return pem


@admin.register(ClientCertificate)
class CertificateAdmin(KeyAdmin):
    """Certificates of clients, known by their fingerprint."""

    form = CertificateForm
    list_display = [
        *("short_fingerprint", "client", "label", "subject", "state", "expires_at"),
        "last_used",
    ]
    search_fields = ["fingerprint", "client__id", "label", "subject"]
    actions_detail = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientCertificate]:
        rows: QuerySet[ClientCertificate] = super(KeyAdmin, self).get_queryset(request)
        return with_last_use(rows, "certificate:", "@pk")

    def get_fields(self, _request: HttpRequest, obj: Credential | None = None) -> list[str]:
        if obj is None:
            return ["client", "label", "pem"]
        about = ["client", "label", "subject", "fingerprint", "state_badge", "last_used"]
        return [*about, "expires_at", "created_at", "created_by", "revoked_at", "revoked_by"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        made = services.add_certificate(actor=actor_of(request), **form.cleaned_data)
        obj.__dict__.update(made.__dict__)
        name_made(request, made)

    def response_add(self, request: HttpRequest, obj: Any, post_url: Any = None) -> Any:
        """Nothing here is secret: back to the list."""
        return super(KeyAdmin, self).response_add(request, obj, post_url)

    def end(self, actor: str, key: ClientCertificate) -> None:
        services.revoke_certificate(actor=actor, certificate=key)

    @display(description=_("fingerprint"), ordering="fingerprint")
    def short_fingerprint(self, certificate: ClientCertificate) -> str:
        return f"{certificate.fingerprint[:16]}…"
