from hypothesis import HealthCheck, settings

# The machines of a CI are slow and shared: how long an example takes there says nothing about the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
