"""Links to results. Made from PUBLIC_BASE_URL alone, never from what a request claims the host is."""

from rootcoz.settings import Settings


def base_url(settings: Settings) -> str:
    """The configured public address, or an empty string."""
    return settings.public_base_url


def result_url(settings: Settings, job_id: str) -> str:
    """Where the result is; relative when the server does not know its public address."""
    return f"{settings.public_base_url}/results/{job_id}"
