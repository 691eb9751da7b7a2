"""Why failures are the same failure."""

from fastapi import APIRouter

from rootcoz.api.auth import Anyone
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.signatures import ExplainSignatureRequest, SignatureExplanation
from rootcoz.grouping.explanation import explain

router = APIRouter(tags=["Analysis"])


@router.post("/api/explain-signature", responses=error_responses(400, 401, 413, 422))
async def explain_signature(body: ExplainSignatureRequest, _who: Anyone) -> SignatureExplanation:
    """Tell how the error signature of a text comes about: what was replaced and which lines count.

    Nothing is stored. Only the two ends and the words of texts over 64,000 characters are looked at.
    """
    return SignatureExplanation.of(explain(body.error_message, body.stack_trace))
