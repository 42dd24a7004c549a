"""The delivery application."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Delivery."""

    name = "delivery"

    def ready(self) -> None:
        """Read the settings of the way out: a wrong one stops every process at its start.

        Raises ImproperlyConfigured with a sentence.
        """
        from delivery.transports import configured_transport  # noqa: PLC0415  needs the models

        configured_transport()
