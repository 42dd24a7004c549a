"""Routes of the API; each answers with and without a trailing slash, never by a redirect."""

urlpatterns: list[object] = []
