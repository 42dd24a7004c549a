"""Which hosts are counted together, and by whose limits."""

import pytest

from delivery.destinations.directory import Directory
from delivery.destinations.profiles import EVERY_HOST, built_in
from delivery.transports.budget import Limits

FEW = Limits(1, 2, 3)
FEWER = Limits(1, 1, 1)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("aspmx.l.google.com", "Google"),
        ("ALT1.ASPMX.L.GOOGLE.COM.", "Google"),
        ("gmail-smtp-in.l.google.com", "Google"),
        ("example-com.mail.protection.outlook.com", "Microsoft 365"),
        ("hotmail-com.olc.protection.outlook.com", "Microsoft consumer"),
        ("mta5.am0.yahoodns.net", "Yahoo and AOL"),
        ("mx01.mail.icloud.com", "Apple iCloud"),
        ("mx00.emig.gmx.net", "GMX, Web.de, mail.com"),
        ("mx-ha02.web.de", "GMX, Web.de, mail.com"),
        ("mx00.kundenserver.de", "IONOS"),
        ("mx1h1.comcast.net", "Comcast"),
        ("smtp-in.orange.fr", "Orange"),
        ("mxs.mail.ru", "Mail.ru"),
        ("mx.yandex.ru", "Yandex"),
        ("mx3.qq.com", "QQ"),
        ("163mx01.mxmail.netease.com", "NetEase (163, 126, yeah.net)"),
        ("mail.protonmail.ch", "Proton"),
        ("mx.zoho.eu", "Zoho"),
        ("mx.notgoogle.com", "mx.notgoogle.com"),
        ("google.com.example.org", "google.com.example.org"),
        ("localhost", "localhost"),
    ],
)
def test_hosts_of_a_provider_are_one_destination_and_others_their_own(host, name):
    assert Directory({}).find(host).name == name


def test_host_that_nothing_covers_gets_the_default():
    default = built_in()[-1]
    assert default.hosts == (EVERY_HOST,)
    assert Directory({}).find("mx.example.org").limits == default.limits


def test_staff_come_before_profiles_and_the_longest_name_before_shorter_ones():
    found = Directory({"google.com": FEW, "l.google.com": FEWER, "example.org": FEW}).find
    assert (found("mx.google.com").name, found("mx.google.com").limits) == ("google.com", FEW)
    assert found("aspmx.l.google.com").limits == FEWER
    assert found("alt1.google.com").name == "google.com"
    assert found("mx2.example.org").name == found("example.org").name == "example.org"


def test_star_is_the_figures_of_every_other_host_and_not_one_pot():
    found = Directory({"*": FEW}).find
    assert found("mx.example.org").limits == FEW
    assert found("mx.example.org").name != found("mx.example.com").name
    assert found("aspmx.l.google.com").name == "Google"


def test_profiles_are_sound():
    hosts = [host for profile in built_in() for host in profile.hosts]
    assert len(hosts) == len(set(hosts))
    assert hosts == [host.lower().strip(".") for host in hosts]
    for profile in built_in():
        assert 1 <= profile.limits.connections <= 50
        assert 1 <= profile.limits.mails_per_connection <= 1000
        assert profile.limits.mails_per_minute is None or profile.limits.mails_per_minute >= 1
