from hashlib import sha256
from importlib import resources

import pytest

from rootcoz.prompts.texts import PROMPT_TEXTS, prompt_text, prompt_use, text_digest


def test_every_prompt_file_has_a_version_and_no_version_lacks_its_file() -> None:
    files = {
        file.name.removesuffix(".md")
        for file in resources.files("rootcoz.prompts").iterdir()
        if file.name.endswith(".md")
    }

    assert set(PROMPT_TEXTS) == files


@pytest.mark.parametrize("name", PROMPT_TEXTS)
def test_a_changed_prompt_has_a_new_version(name: str) -> None:
    digest = sha256(prompt_text(name).encode()).hexdigest()

    assert PROMPT_TEXTS[name].digest == digest, (
        f"{name}.md has changed: raise its version in prompts/texts.py and pin {digest} there"
    )


def test_a_prompt_is_named_by_its_version_and_what_it_really_holds() -> None:
    use = prompt_use("repair")

    assert use.name == "repair"
    assert use.version == f"{PROMPT_TEXTS['repair'].version}-{text_digest(prompt_text('repair'))}"
