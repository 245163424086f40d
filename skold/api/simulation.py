"""POST /api/v1/policy/simulate: would this be allowed now, and by which rule?"""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from skold import simulation_words as words
from skold.api.guard import GuardedView
from skold.api.problems import PolicyUnavailable
from skold.control import simulating
from skold.control.simulating import Simulation
from skold.models import Action
from skold.policy import PolicyInvalid
from skold.signed import PolicyMissing, PolicyTooOld
from skold.simulation import KINDS, Wish


class SimulationWishSerializer(serializers.Serializer[Wish]):
    """Who wants to do what, and how."""

    client = serializers.CharField(max_length=64)
    action = serializers.ChoiceField(choices=Action.choices)
    collection = serializers.CharField(
        max_length=64, required=False, allow_null=True, help_text="Null: the institution."
    )
    key = serializers.CharField(
        max_length=512,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="Null: the whole collection.",
    )
    year = serializers.IntegerField(
        min_value=1,
        max_value=9999,
        required=False,
        allow_null=True,
        help_text="Of the version. Null: the answer says which years.",
    )
    credential = serializers.ChoiceField(choices=KINDS, default="api_key")
    end_user = serializers.CharField(max_length=256, required=False, allow_null=True)
    address = serializers.IPAddressField(
        required=False, allow_null=True, help_text="Null: one the client may come from."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("key") is not None and attrs.get("collection") is None:
            raise serializers.ValidationError({"key": _("Name the collection of the key.")})
        return attrs

    def wish(self) -> Wish:
        """What was asked, once it is valid."""
        given = dict(self.validated_data)
        return Wish(kind=given.pop("credential"), **given)


class PolicyStandingSerializer(serializers.Serializer[Any]):
    """The policy it was asked under."""

    number = serializers.IntegerField()
    issued_at = serializers.DateTimeField()
    age_seconds = serializers.IntegerField()
    waiting = serializers.ListField(
        child=serializers.CharField(), help_text="What the database has otherwise by now."
    )
    restored = serializers.BooleanField(
        help_text="The disk is ahead: the database comes from a backup."
    )


class SimulationSerializer(serializers.Serializer[Any]):
    """What a request would meet."""

    allowed = serializers.BooleanField()
    reason = serializers.CharField()
    reason_in_words = serializers.CharField()
    status = serializers.IntegerField(help_text="Of the answer, if the file is there.")
    rule = serializers.CharField(allow_null=True)
    years = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        allow_null=True,
        help_text="First and last years allowed; null: all, or the one that was asked for.",
    )
    changes = serializers.ListField(
        child=serializers.CharField(), help_text="What would have to be otherwise."
    )
    policy = PolicyStandingSerializer()


def shown(found: Simulation) -> dict[str, Any]:
    """A simulation as the API and the command tell it."""
    outcome = found.outcome
    decision = outcome.decision
    spans = outcome.years.spans if outcome.years else ()
    told = {
        "allowed": decision.allowed,
        "reason": decision.reason,
        "reason_in_words": words.reason(outcome),
        "status": outcome.status,
        "rule": decision.rule,
        "years": [[span.first, span.last] for span in spans] if outcome.years else None,
        "changes": words.changes(found.wish, outcome),
        "policy": found.policy,
    }
    return dict(SimulationSerializer(told).data)


class PolicyViewSet(GuardedView, viewsets.GenericViewSet[Any]):
    """The policy in force."""

    gate_actions: ClassVar = {"simulate": "administer"}
    by_year = True  # of no year
    pagination_class = None
    filter_backends: list[Any] = []
    serializer_class = SimulationWishSerializer

    @extend_schema(request=SimulationWishSerializer, responses={200: SimulationSerializer})
    @action(detail=False, methods=["post"])
    def simulate(self, request: Request) -> Response:
        """What the gate would say to a client, under the policy that the data plane reads now."""
        asked = SimulationWishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = asked.wish()
        self.access.made = f"simulation:{wish.client}"
        try:
            found = simulating.ask(wish)
        except (PolicyMissing, PolicyTooOld, PolicyInvalid) as error:
            raise PolicyUnavailable from error
        return Response(shown(found))
