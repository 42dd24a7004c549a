"""What `make run` makes up and keeps."""

import os
import socket
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mailer.development.generated import claim_folder, data_folder, keep_settings
from mailer.development.port import first_free, free_port


def settings_in(folder: Path) -> dict[str, str]:
    lines = (folder / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_settings_are_made_up_once_and_private(tmp_path: Path) -> None:
    keep_settings(tmp_path, 8000, 2525)
    first = (tmp_path / "settings.env").read_bytes()
    keep_settings(tmp_path, 8000, 2525)
    assert (tmp_path / "settings.env").read_bytes() == first
    assert (tmp_path / "settings.env").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["settings.env"]


def test_secrets_are_long_and_differ_from_machine_to_machine(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        keep_settings(tmp_path / name, 8000, 2525)
    one, other = settings_in(tmp_path / "a"), settings_in(tmp_path / "b")
    for name in ("SECRET_KEY", "TRACKING_KEYS", "ENCRYPTION_KEYS"):
        assert len(one[name]) >= 43
        assert one[name] != other[name]


def test_public_url_follows_the_port_and_the_keys_stay(tmp_path: Path) -> None:
    keep_settings(tmp_path, 8000, 2525)
    before = settings_in(tmp_path)
    keep_settings(tmp_path, 8001, 2525)
    assert settings_in(tmp_path) == before | {"PUBLIC_URL": "http://localhost:8001"}


def test_smtp_address_follows_its_port(tmp_path: Path) -> None:
    keep_settings(tmp_path, 8000, 2525)
    before = settings_in(tmp_path)
    keep_settings(tmp_path, 8000, 2526)
    assert settings_in(tmp_path) == before | {"SUBMISSION_LISTEN": "127.0.0.1:2526"}


def test_first_free_port_is_taken_and_none_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ImproperlyConfigured, match=r"are all taken.*SMTP_PORT="):
            first_free(range(port, port + 1), "SMTP_PORT")
    assert first_free(range(port, port + 1), "SMTP_PORT") == port


def test_what_somebody_wrote_into_the_settings_stays(tmp_path: Path) -> None:
    mine = "# mine\nPUBLIC_URL=https://tunnel.example.com\nSECRET_KEY=my-own-key\nMAX_RECIPIENTS=3"
    (tmp_path / "settings.env").write_text(mine)
    keep_settings(tmp_path, 8001, 2525)
    assert (tmp_path / "settings.env").read_text().startswith(mine + "\n")
    assert settings_in(tmp_path)["SECRET_KEY"] == "my-own-key"
    assert len(settings_in(tmp_path)["TRACKING_KEYS"]) >= 32


def test_settings_file_becomes_private_when_it_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("SECRET_KEY=my-own-key\n")
    os.chmod(tmp_path / "settings.env", 0o644)
    keep_settings(tmp_path, 8001, 2525)
    assert (tmp_path / "settings.env").stat().st_mode & 0o777 == 0o600


def test_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(ImproperlyConfigured, match=r"^VAR=.*/var can't be used\. Name a folder"):
        data_folder(tmp_path / "var")
    with pytest.raises(ImproperlyConfigured, match=r"^VAR="):
        data_folder(tmp_path / "var" / "below")


def test_data_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    with claim_folder(tmp_path), pytest.raises(ImproperlyConfigured, match="VAR=var2 PORT=8001"):
        claim_folder(tmp_path)
    claim_folder(tmp_path).close()


@pytest.mark.parametrize("value", ["", "abc", "0", "65536", "-1", "80 80", "8e3", "²"])
def test_port_that_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^PORT is .* from 1 to 65535"):
        free_port(value)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")]
)
def test_taken_port_is_named_with_what_to_do(family: socket.AddressFamily, address: str) -> None:
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        with pytest.raises(ImproperlyConfigured, match=f"Port {port} is taken .* make run PORT="):
            free_port(str(port))


def test_port_is_free_again_after_a_server_closed_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # the side that closes first keeps TIME_WAIT
        client.close()
    assert free_port(str(port)) == port
