from collections.abc import Iterator

import pytest
from tests.client.stub_server import StubServer, running_stub


@pytest.fixture(scope="session")
def stub_server() -> Iterator[StubServer]:
    with running_stub() as server:
        yield server


@pytest.fixture
def stub(stub_server: StubServer) -> StubServer:
    stub_server.forget()
    return stub_server
