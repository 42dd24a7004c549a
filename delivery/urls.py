"""The development inbox; it exists only with the capture transport."""

urlpatterns: list[object] = []
