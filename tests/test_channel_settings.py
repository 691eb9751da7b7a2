"""How notification channels are configured."""

import json
from pathlib import Path

import pytest

from rootcoz.domain.notification import ChannelKind, Event
from rootcoz.outlets import channels_of, push_contact, senders_of
from rootcoz.settings import Settings, SettingsError, load_settings

SLACK = {"name": "team", "kind": "slack", "url": "https://hooks.slack.example/services/T/B/its-secret"}
KEY = "sixteen characters"
MAIL = {"smtp_host": "mail.example.com", "smtp_from": "bot@example.com"}
TOML = """
[[notifications]]
name = "storage"
kind = "webhook"
url = "https://ops.example.com/hook"
secret = "sixteen characters"
jobs = ["test-*-storage-*"]
teams = ["storage"]
events = ["reopened"]
only_new = false
"""


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_a_file_names_channels_as_tables() -> None:
    Path("rootcoz.toml").write_text(TOML)
    (channel,) = channels_of(load_settings(project_files=True))

    assert (channel.name, channel.kind, channel.url) == (
        "storage",
        ChannelKind.WEBHOOK,
        "https://ops.example.com/hook",
    )
    assert (channel.jobs, channel.teams, channel.tiers) == (("test-*-storage-*",), ("storage",), ())
    assert (channel.events, channel.only_new) == ((Event.REOPENED,), False)


def test_the_environment_names_them_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFICATIONS", json.dumps([SLACK, {**SLACK, "name": "two", "labels": "a, b"}]))
    first, second = channels_of(load_settings())

    assert (first.name, first.events, first.only_new) == ("team", (Event.ANALYSIS, Event.REOPENED), True)
    assert second.labels == ("a", "b")


def test_the_short_settings_are_channels_for_any_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SLACK["url"])
    monkeypatch.setenv("ALERT_EMAIL_TO", "a@example.com, b@example.com")
    for name, value in MAIL.items():
        monkeypatch.setenv(name.upper(), value)
    settings = load_settings()
    channels = channels_of(settings)

    assert [(one.name, one.kind, one.to) for one in channels] == [
        ("email", ChannelKind.EMAIL, ("a@example.com", "b@example.com")),
        ("slack", ChannelKind.SLACK, ()),
    ]
    sender_named = senders_of(settings, channels)
    assert sender_named("email") is sender_named("email") is not None
    assert sender_named("nobody") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, r"NOTIFICATIONS \(entry 1, name\)"),
        ({"name": "push"}, "push"),
        ({"name": "a b"}, "letters"),
        ({"kind": "pager"}, r"entry 1, kind"),
        ({"url": None}, "needs `url`"),
        ({"url": "ftp://x/its-secret"}, r"entry 1, url"),
        ({"url": "https://x/its secret"}, r"entry 1, url"),
        ({"url": "https://x:99999/its-secret"}, r"entry 1, url"),
        ({"kind": "webhook"}, "needs a `secret`"),
        ({"kind": "webhook", "secret": "its-secret"}, "at least 16"),
        ({"kind": "email"}, "needs `to`"),
        ({"kind": "email", "to": "nobody"}, r"entry 1, to"),
        ({"kind": "email", "to": ["a@x.org\nBcc: b@x.org"]}, r"entry 1, to"),
        ({"events": ["mention"]}, r"entry 1, events"),
        ({"jobs": ["x"] * 201}, r"entry 1, jobs"),
        ({"job": "misspelt"}, r"entry 1, job"),
    ],
)
def test_a_wrong_channel_stops_the_start_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], words: str
) -> None:
    monkeypatch.setenv("NOTIFICATIONS", json.dumps([{**SLACK, **change}]))
    with pytest.raises(SettingsError, match=words) as raised:
        load_settings()

    assert "its-secret" not in str(raised.value)
    assert "its secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '"x"', json.dumps([SLACK, SLACK])])
def test_what_is_no_list_of_different_channels_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NOTIFICATIONS", text)
    with pytest.raises(SettingsError, match="NOTIFICATIONS"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alert_email_to": "a@example.com"}, "SMTP_HOST and SMTP_FROM"),
        ({"alert_email_to": "a@example.com", "smtp_host": "mail.example.com"}, "SMTP_HOST and SMTP_FROM"),
        (
            {"slack_webhook_url": SLACK["url"], "notifications": [{**SLACK, "name": "slack"}]},
            "call it otherwise",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_told(settings: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        channels_of(Settings.model_validate(settings))


def test_no_settings_show_a_secret() -> None:
    settings = Settings.model_validate(
        {"notifications": [{**SLACK, "kind": "webhook", "secret": KEY}], "slack_webhook_url": SLACK["url"]}
    )
    shown = f"{settings!r} {channels_of(settings)!r} {settings.notifications!r}"

    assert "its-secret" not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    ("settings", "contact"),
    [
        ({"vapid_claim_email": "mailto:ops@example.com"}, "mailto:ops@example.com"),
        ({"public_base_url": "https://rootcoz.example.com:8443/x"}, "mailto:noreply@rootcoz.example.com"),
        ({"public_base_url": "http://[::1]:8000"}, "mailto:noreply@rootcoz.local"),
        ({}, "mailto:noreply@rootcoz.local"),
    ],
)
def test_push_services_are_told_whom_to_write_to(settings: dict[str, object], contact: str) -> None:
    assert push_contact(Settings.model_validate(settings)) == contact
