from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.provider_stand_ins import KEY, MODEL, StandIn, question, stand_in

from rootcoz.domain.errors import NotConfigured
from rootcoz.providers.base import Access, OfferedModel, Usage
from rootcoz.providers.cursor import CursorProvider


@pytest.fixture
def place(tmp_path: Path) -> Iterator[StandIn]:
    with stand_in("cursor", tmp_path) as found:
        yield found


async def test_it_is_asked_in_the_mode_that_only_reads(place: StandIn) -> None:
    await CursorProvider(place.config.cursor).ask(question(None))

    arguments = place.calls[0]["arguments"]
    assert arguments[arguments.index("--mode") + 1] == "ask"
    assert "--force" not in arguments
    assert place.calls[0]["environment"]["CURSOR_API_KEY"] == KEY


async def test_a_release_that_does_not_count_leaves_the_counts_open(place: StandIn) -> None:
    place.play("no_usage")

    assert (await CursorProvider(place.config.cursor).ask(question(None))).usage == Usage()


async def test_what_it_lists_can_be_chosen(place: StandIn) -> None:
    auto, gpt = await CursorProvider(place.config.cursor).models()

    assert auto == OfferedModel("auto", "Auto (default)")
    assert (gpt.id, gpt.name) == ("gpt-5.1", "GPT-5.1")
    assert gpt.input_price_per_mtok is not None


def test_its_newer_name_is_found_too(tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)

    CursorProvider(Access(KEY), environment={"PATH": str(tmp_path)}).check(MODEL)


def test_a_missing_key_is_named(place: StandIn) -> None:
    with pytest.raises(NotConfigured, match="set CURSOR_API_KEY"):
        CursorProvider(Access("", "", place.config.cursor.binary)).check(MODEL)
