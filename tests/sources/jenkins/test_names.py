import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.sources.jenkins.names import BuildName, name_of, parse_build_url


@pytest.mark.parametrize(
    ("job_name", "path"),
    [
        ("nightly", "job/nightly/12/"),
        ("team/nightly", "job/team/job/nightly/12/"),
        ("/team//nightly/", "job/team/job/nightly/12/"),
        ("my team/e2e #2?", "job/my%20team/job/e2e%20%232%3F/12/"),
        ("Größe", "job/Gr%C3%B6%C3%9Fe/12/"),
        ("repo/feature%2Flogin", "job/repo/job/feature%252Flogin/12/"),
        ("suite/label=linux", "job/suite/label=linux/12/"),
        ("team/suite/label=linux,jdk=21", "job/team/job/suite/label=linux,jdk=21/12/"),
        ("a=b", "job/a=b/12/"),
        ("build/com.acme$core", "job/build/com.acme$core/12/"),
    ],
)
def test_a_build_has_a_path_that_encodes_each_part_of_its_name(job_name: str, path: str) -> None:
    assert name_of(job_name, 12).path == path


@pytest.mark.parametrize(
    "job_name", ["", " ", "//", "..", "team/../nightly", "./nightly", "https://ci.example.com/job/nightly/"]
)
def test_what_cannot_be_a_job_s_name_is_refused(job_name: str) -> None:
    with pytest.raises(InvalidInput):
        name_of(job_name, 1)


@pytest.mark.parametrize("number", [0, -1])
def test_a_build_s_number_starts_at_one(number: int) -> None:
    with pytest.raises(InvalidInput, match=f"no build {number}"):
        name_of("nightly", number)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://ci.example.com/job/nightly/12/", "nightly #12"),
        ("https://ci.example.com/job/nightly/12", "nightly #12"),
        ("job/nightly/12/", "nightly #12"),
        ("/ci/job/nightly/12/", "nightly #12"),
        ("/other/prefix/job/nightly/12/", "nightly #12"),
        ("https://ci.example.com/ci/job/team/job/nightly/12/console", "team/nightly #12"),
        ("view/All/job/team/view/Red/job/nightly/12/", "team/nightly #12"),
        ("job/repo/job/feature%252Flogin/3/", "repo/feature%2Flogin #3"),
        ("job/suite/label=linux,jdk=21/7/", "suite/label=linux,jdk=21 #7"),
        ("job/suite/label%3Dlinux/7/", "suite/label=linux #7"),
        ("job/my%20team/job/e2e/1/", "my team/e2e #1"),
    ],
)
def test_a_build_s_address_says_its_name(url: str, name: str) -> None:
    assert str(parse_build_url(url, prefix="/ci/")) == name


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://ci.example.com/",
        "job/nightly/",
        "job/nightly/lastBuild/",
        "12/",
        "job/",
        "job/%2E%2E/12/",
        "job/a%2Fb/12/",
        "mailto:a@example.com",
        "http://[",
    ],
)
def test_an_address_of_something_else_is_no_build(url: str) -> None:
    assert parse_build_url(url) is None


@pytest.mark.parametrize("job_name", ["a/b c/d%2Fe", "x/label=a,b=c", "ü/%"])
def test_a_name_survives_its_path(job_name: str) -> None:
    name = BuildName(job_name, 3)

    assert parse_build_url(name.path) == name
