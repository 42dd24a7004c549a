"""Routes of uploads."""

urlpatterns: list[object] = []
