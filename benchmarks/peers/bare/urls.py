"""Its routes."""

from django.urls import path

from benchmarks.peers.bare import views

urlpatterns = [
    path("api/emails", views.CreateEmail.as_view()),
    path("o/<int:recipient>", views.pixel),
    path("c/<int:recipient>", views.click),
]
