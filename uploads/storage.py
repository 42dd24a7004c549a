"""placeholder"""

from django.core.files.storage import FileSystemStorage


class LocalStorage(FileSystemStorage):
    """x"""
