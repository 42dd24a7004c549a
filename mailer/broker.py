"""placeholder"""

from kombu.transport.filesystem import Transport  # noqa: F401
