"""Who may ask (clients) and what for (grants)."""

from ipaddress import ip_network

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

FIRST_YEAR, LAST_YEAR = 1, 9999
COLLECTION_PATTERN = r"^(\*|[a-z0-9][a-z0-9_-]{0,63})$"


class Action(models.TextChoices):
    """What a principal can be allowed to do; the words the gate decides on."""

    READ = "read", _("Read files")
    LIST = "list", _("List and search")
    WRITE = "write", _("Write files")
    STAGE = "stage", _("Stage uploads")
    COMMIT = "commit", _("Commit uploads")
    DELETE = "delete", _("Delete files")
    SIGN = "sign", _("Sign URLs")
    AUDIT = "audit", _("Read the audit")
    REPLICATE = "replicate", _("Replicate")
    ADMINISTER = "administer", _("Administer")


# The policy knows all actions; this one is not offered, because no route asks for it.
_NOT_ASKED = {Action.REPLICATE}
WITHOUT_YEARS = frozenset({Action.AUDIT, Action.ADMINISTER})
OFFERED_ACTIONS = [choice for choice in Action.choices if choice[0] not in _NOT_ASKED]


class ActingFor(models.TextChoices):
    """Whether requests of a client name the end user they act for."""

    OPTIONAL = "optional", _("May name the end user")
    REQUIRED = "required", _("Must name the end user")
    FORBIDDEN = "forbidden", _("Must not name an end user")


def validate_address_range(text: str) -> None:
    """Accept one CIDR range such as 10.1.0.0/16 or 2001:db8::/32. Raises ValidationError."""
    try:
        ip_network(text)
    except ValueError as error:
        raise ValidationError(
            _("%(text)s is not an address range. Write it as 10.1.0.0/16 or 2001:db8::/32."),
            params={"text": text},
            code="address_range",
        ) from error


class Client(models.Model):
    """A system of the institution that calls us. Disabled ones are refused; none is ever deleted,
    because the audit names them."""

    id = models.SlugField(
        _("identifier"),
        primary_key=True,
        max_length=64,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]{0,63}$")],
        help_text=_("Small letters, digits, - and _. Every audit record names it."),
    )
    name = models.CharField(_("name"), max_length=200)
    enabled = models.BooleanField(_("enabled"), default=True)
    address_ranges = ArrayField(
        models.CharField(max_length=49, validators=[validate_address_range]),
        verbose_name=_("address ranges"),
        default=list,
        blank=True,
        help_text=_("Requests from elsewhere are refused. Empty: from everywhere."),
    )
    may_act_for = models.CharField(
        _("end users"), max_length=9, choices=ActingFor.choices, default=ActingFor.OPTIONAL
    )
    requests_per_second = models.PositiveIntegerField(
        _("requests each second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("What comes faster is answered 429. Empty: no limit of its own."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id


class Grant(models.Model):
    """One permission: these actions, in this collection, below this prefix of the key."""

    client = models.ForeignKey(
        Client, models.PROTECT, related_name="grants", verbose_name=_("client")
    )
    collection = models.CharField(
        _("collection"),
        max_length=64,
        validators=[RegexValidator(COLLECTION_PATTERN)],
        help_text=_("Name of a collection, or * for all of them."),
    )
    actions = ArrayField(
        models.CharField(max_length=10, choices=Action.choices), verbose_name=_("actions")
    )
    prefix = models.CharField(
        _("prefix of the key"),
        max_length=512,
        blank=True,
        help_text=_("Only keys that begin with this. Empty: all keys."),
    )
    first_year = models.PositiveSmallIntegerField(
        _("first year"), null=True, blank=True, help_text=_("Only versions of this year and later.")
    )
    last_year = models.PositiveSmallIntegerField(
        _("last year"), null=True, blank=True, help_text=_("Only versions up to this year.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        ordering = ["client_id", "collection", "prefix", "id"]

    def __str__(self) -> str:
        years = f" {self.years_in_words}" if self.years_in_words else ""
        return (
            f"{self.client_id}: {', '.join(self.actions)} @ {self.collection}/{self.prefix}{years}"
        )

    @property
    def years_in_words(self) -> str:
        """`2024 to 2025`, `2024`, `2024 or later`; empty for all years."""
        first, last = self.first_year, self.last_year
        if first is None and last is None:
            return ""
        if first == last:
            return str(first)
        if last is None:
            return now_("%(year)s or later") % {"year": first}
        if first is None:
            return now_("up to %(year)s") % {"year": last}
        return now_("%(first)s to %(last)s") % {"first": first, "last": last}

    def clean(self) -> None:
        """Years bound versions of files: no other action has any. Raises ValidationError."""
        if self.first_year is None and self.last_year is None:
            return
        for field in ("first_year", "last_year"):
            year = getattr(self, field)
            if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
                span = {"first": FIRST_YEAR, "last": LAST_YEAR}
                raise ValidationError(
                    {field: now_("Give a year from %(first)s to %(last)s.") % span}
                )
        if self.first_year and self.last_year and self.first_year > self.last_year:
            raise ValidationError({"last_year": _("The last year is before the first one.")})
        if WITHOUT_YEARS.intersection(self.actions):
            raise ValidationError(
                {
                    "actions": _(
                        "To administer and to read the audit have no years. Give a grant of its"
                        " own for them."
                    )
                }
            )
