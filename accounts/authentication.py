"""`Authorization: Bearer <key>`: who calls."""

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, Project

HOW = "Send the header `Authorization: Bearer <your API key>`."


@dataclass(frozen=True, slots=True)
class Caller:
    """The program that calls: DRF's `request.user`."""

    project: Project
    api_key: ApiKey
    is_authenticated: bool = True


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the caller by the SHA-256 of the key."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        """Return the caller, None without a header; AuthenticationFailed for a bad one."""
        header = get_authorization_header(request).split()
        if not header:
            return None
        if len(header) != 2 or header[0].lower() != b"bearer":
            raise AuthenticationFailed(f"The Authorization header can't be understood. {HOW}")
        api_key = ApiKey.objects.matching(header[1].decode("latin-1"))
        if api_key is None:
            raise AuthenticationFailed(
                "This API key does not exist or was revoked. Check it, or ask staff for a new one."
            )
        api_key.note_use()
        return Caller(api_key.project, api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        """Make DRF answer 401, not 403, where nobody is recognised (RFC 7235)."""
        return "Bearer"


def caller(request: Request) -> Caller:
    """Return who calls, in views that require a key."""
    user = request.user
    assert isinstance(user, Caller)
    return user
