"""The two views."""

import base64
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from rest_framework import generics, serializers

from benchmarks.peers.bare.models import Email, Hit, Recipient

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class EmailSerializer(serializers.ModelSerializer):
    """Fields as a model has them; answers with the id alone, which is the cheapest."""

    to_email = serializers.EmailField(write_only=True)
    to_name = serializers.CharField(max_length=255, write_only=True)

    class Meta:
        model = Email
        fields = (
            "id",
            "from_email",
            "from_name",
            "subject",
            "html_body",
            "text_body",
            "to_email",
            "to_name",
        )
        extra_kwargs = {
            name: {"write_only": True}
            for name in ("from_email", "from_name", "subject", "html_body", "text_body")
        }

    def create(self, validated_data: dict[str, Any]) -> Email:
        """Insert both rows in one transaction."""
        address, name = validated_data.pop("to_email"), validated_data.pop("to_name")
        with transaction.atomic():
            email = Email.objects.create(**validated_data)
            Recipient.objects.create(email=email, address=address, name=name)
        return email


class CreateEmail(generics.CreateAPIView):
    """`POST /api/emails`."""

    queryset = Email.objects.all()
    serializer_class = EmailSerializer


def pixel(request: HttpRequest, recipient: int) -> HttpResponse:
    """Insert, then answer with a GIF."""
    _insert(request, recipient)
    return HttpResponse(GIF, content_type="image/gif")


def click(request: HttpRequest, recipient: int) -> HttpResponse:
    """Insert, then redirect."""
    _insert(request, recipient)
    return HttpResponseRedirect(f"https://shop.example.com/orders/{recipient}")


def _insert(request: HttpRequest, recipient: int) -> None:
    agent = request.META.get("HTTP_USER_AGENT", "")
    Hit.objects.create(recipient=recipient, user_agent=agent, ip=request.META["REMOTE_ADDR"])
