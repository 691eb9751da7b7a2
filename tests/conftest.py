import pytest
from hypothesis import HealthCheck, settings

# The machines of a CI are slow and shared: how long an example takes there says nothing about the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that say they take long: at the end the other workers would have to wait for them."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
