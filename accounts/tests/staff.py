"""Members of staff for tests, with the rights that a test names."""

from itertools import count

from django.contrib.auth.models import Permission, User
from django.test import Client

_numbers = count(1)


def make_staff(*rights: str) -> User:
    """A member of staff with rights such as `emails.view_email`, and no others."""
    user = User.objects.create_user(f"staff-{next(_numbers)}", is_staff=True)
    for right in rights:
        app, codename = right.split(".")
        permission = Permission.objects.get(content_type__app_label=app, codename=codename)
        user.user_permissions.add(permission)
    return user


def staff_client(*rights: str) -> Client:
    """A browser in which such a member of staff is logged in."""
    client = Client()
    client.force_login(make_staff(*rights))
    return client
