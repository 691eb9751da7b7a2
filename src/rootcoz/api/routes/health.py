"""Is the server there."""

from fastapi import APIRouter

from rootcoz import __version__
from rootcoz.api.schemas.results import Health

router = APIRouter(tags=["Health"])


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health() -> Health:
    """Say that the server answers. Needs no key in any mode."""
    return Health(status="healthy", version=__version__)
