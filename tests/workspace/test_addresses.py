import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.workspace.addresses import (
    RepositoryAddress,
    check_unique_names,
    parse_repository_url,
    repositories_of_setting,
    repository,
)

TOKEN = "s3cr3t-t0ken-of-the-tests"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("address", "url", "ref"),
    [
        ("https://host/o/r", "https://host/o/r", None),
        ("https://host/o/r:main", "https://host/o/r", "main"),
        ("https://host/o/r.git:main", "https://host/o/r.git", "main"),
        ("https://host:8443/o/r", "https://host:8443/o/r", None),
        ("https://host:8443/o/r:main", "https://host:8443/o/r", "main"),
        ("https://host:8443/o/r:release/4.18", "https://host:8443/o/r", "release/4.18"),
        ("https://host:8443/o/r:8443", "https://host:8443/o/r", "8443"),
        ("https://host:443/o/r", "https://host/o/r", None),
        ("http://host:80/o/r", "http://host/o/r", None),
        ("https://host/o/r:fix/#12", "https://host/o/r", "fix/#12"),
        ("https://host/o/r:refs/pull/7/head", "https://host/o/r", "refs/pull/7/head"),
        ("https://host/o/r:", "https://host/o/r", None),
        ("https://host/o/r/", "https://host/o/r", None),
        ("https://host/o/r/:main", "https://host/o/r", "main"),
        ("https://[::1]/o/r:main", "https://[::1]/o/r", "main"),
        ("https://[2001:db8::1]:8443/o/r:v1", "https://[2001:db8::1]:8443/o/r", "v1"),
        ("https://host/deep/er/group/r.git", "https://host/deep/er/group/r.git", None),
        ("https://host/o/~user/r%20s:main", "https://host/o/~user/r%20s", "main"),
        ("HTTPS://Host.Example/O/R:Main", "https://host.example/O/R", "Main"),
        ("  https://host/o/r  ", "https://host/o/r", None),
        ("https://host/scm:1/r:main", "https://host/scm:1/r", "main"),
    ],
)
def test_an_address_is_taken_apart(address: str, url: str, ref: str | None) -> None:
    assert parse_repository_url(address) == RepositoryAddress(url, ref)


@pytest.mark.parametrize(
    ("login", "token", "username"),
    [
        (TOKEN, TOKEN, None),
        (f"somebody:{TOKEN}", TOKEN, "somebody"),
        (f"{TOKEN}:", TOKEN, None),
        (f"{TOKEN}:x-oauth-basic", TOKEN, None),
        ("u%40x:p%3A%2F", "p:/", "u@x"),
        (f"a@b:{TOKEN}", TOKEN, "a@b"),
        (f"a:{TOKEN}#?", f"{TOKEN}#?", "a"),
    ],
)
def test_a_credential_is_taken_out(login: str, token: str, username: str | None) -> None:
    parsed = parse_repository_url(f"https://{login}@host:8443/o/r:main")

    assert (parsed.url, parsed.ref) == ("https://host:8443/o/r", "main")
    assert (parsed.token, parsed.username) == (token, username)
    assert token not in repr(parsed)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "   ",
        "git@host:o/r",
        f"{TOKEN}@host:o/r.git",
        "host:o/r",
        "ssh://git@host/o/r",
        "git://host/o/r",
        "file:///etc",
        "/etc",
        "ext::sh -c true",
        "--upload-pack=x",
        "-https://host/o/r",
        "https://",
        "https:///o/r",
        "https://host",
        "https://host/",
        "https://host:main",
        "https://host:0/o/r",
        "https://host:65536/o/r",
        "https://host:x/o/r",
        f"https://{TOKEN}/x@host/o/r",
        f"https://a:{TOKEN}/x@host/o/r",
        f"https://host/o/r?private_token={TOKEN}",
        f"https://host/o/r?private_token={TOKEN}:main",
        f"https://host?private_token={TOKEN}",
        f"https://host/o/r#{TOKEN}",
        "https://host/o/../r",
        "https://host//o/r",
        "https://host/o/r:--upload-pack",
        "https://host/o/r:a..b",
        "https://host/o/r:a b",
        "https://host/o/r:a^b",
        "https://host/o/r:a~1",
        "https://host/o/r:main.lock",
        "https://host/o/r:/main",
        "https://host/o/r:main/",
        "https://host/o/r:@{1}",
        "https://host/o/r\n:main",
        "https://host/o/r\u202e",
        "https://ho st/o/r",
        "https://-host/o/r",
        "https://host/" + "x" * 3_000,
    ],
)
def test_what_is_no_plain_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_repository_url(address)

    assert TOKEN not in str(caught.value)


def test_the_form_for_ssh_is_explained() -> None:
    with pytest.raises(InvalidInput, match="means SSH"):
        parse_repository_url("git@github.com:o/r.git")


def test_what_is_given_beside_the_address_wins() -> None:
    spec = repository("tests", f"https://{TOKEN}@host/o/r:main", ref=" v2 ", token="other")  # noqa: S106 - made up

    assert (spec.url, spec.ref, spec.token) == ("https://host/o/r", "v2", "other")


def test_blank_words_count_as_absent() -> None:
    spec = repository("tests", f"https://{TOKEN}@host/o/r:main", ref=" ", token=" " * 2, username="")

    assert (spec.ref, spec.token, spec.username) == ("main", TOKEN, "x-access-token")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        ".git",
        "a/b",
        "a\\b",
        "a..b",
        "-a",
        "build-artifacts",
        "Build-Artifacts",
        "a\nb",
        "x" * 101,
    ],
)
def test_a_name_that_cannot_be_a_folder_s_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        repository(name, "https://host/o/r")


@pytest.mark.parametrize("username", ["a:b", "a\nb"])
def test_a_user_name_that_would_break_the_header_is_refused(username: str) -> None:
    with pytest.raises(InvalidInput):
        repository("tests", "https://host/o/r", username=username)


def test_a_setting_of_several_repositories_is_read() -> None:
    specs = repositories_of_setting(
        f"api:https://host:8443/o/api:release/4.18@{TOKEN}, ui:https://host/o/ui,"
        f"x:https://u:{TOKEN}@host/o/x:main,y:https://host/o/y:v@1@"
    )

    assert [(spec.name, spec.url, spec.ref, spec.token) for spec in specs] == [
        ("api", "https://host:8443/o/api", "release/4.18", TOKEN),
        ("ui", "https://host/o/ui", None, None),
        ("x", "https://host/o/x", "main", TOKEN),
        ("y", "https://host/o/y", "v@1", None),
    ]


@pytest.mark.parametrize(
    "text", ["api", "https://host/o/r", "a:git@host:o/r", "a:https://h/o/r,A:https://h/o/s"]
)
def test_a_malformed_setting_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        repositories_of_setting(text)


def test_an_empty_setting_has_no_repositories() -> None:
    assert repositories_of_setting(" , ") == ()


def test_two_repositories_need_two_names() -> None:
    with pytest.raises(InvalidInput, match="Two repositories have the name `Tests`"):
        check_unique_names([repository("tests", "https://h/o/r"), repository("Tests", "https://h/o/s")])
