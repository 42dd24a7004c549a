"""What every view of the API does before its own work."""

from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.errors import ApiError


class ApiView(APIView):
    """A view of the API: asks for a key (by settings), and for the length of a body."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse whom and what can't be served, before the body is looked at."""
        super().initial(request, *args, **kwargs)
        _refuse_unknown_length(request)


def _refuse_unknown_length(request: Request) -> None:
    """Refuse a chunked body with 411 (RFC 9110, 15.5.12): WSGI can't tell where it ends."""
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        raise ApiError(
            411, "length_required", "The Content-Length is missing. Send the body with its length."
        )
