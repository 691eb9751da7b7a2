import os
from pathlib import Path

import pytest

from rootcoz.kit.regular_file import NotRegular, open_regular


def test_a_file_is_opened_through_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")

    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"text"


@pytest.mark.parametrize(
    ("name", "kind"), [("pipe", "a named pipe"), ("zero", "a device"), (".", "a folder")]
)
def test_what_is_no_file_is_refused_at_once_and_named(tmp_path: Path, name: str, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")

    with pytest.raises(NotRegular) as caught:
        open_regular(tmp_path / name)

    assert caught.value.strerror == f"it is {kind}"
