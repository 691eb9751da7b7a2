"""How an error signature came about, as callers ask and see it."""

from typing import Self

from pydantic import BaseModel, Field

from rootcoz.grouping.explanation import ExplainedLine, Explanation

TEXT_LIMIT = 500_000
"""Characters of each text: many times what a report's failures keep."""


class ExplainSignatureRequest(BaseModel):
    """The text of a failure."""

    error_message: str = Field(default="", description="Failure message.", max_length=TEXT_LIMIT)
    stack_trace: str = Field(default="", description="Full stack trace.", max_length=TEXT_LIMIT)


class SignatureReplacement(BaseModel):
    """One piece of noise that does not count."""

    rule: str = Field(description="Name of the rule that replaced it.")
    why: str = Field(description="Why that is noise.")
    start: int = Field(description="Where it starts in the line's text, in characters from 0.")
    original: str
    placeholder: str = Field(description="What counts in its stead; empty for a sign that is dropped.")


class SignatureLine(BaseModel):
    """One line as the signature sees it."""

    text: str = Field(description="As it was read, without colours and the space around it.")
    normalised: str = Field(description="What goes into the signature; empty when nothing does.")
    kind: str = Field(
        description="text, own frame, library frame, runner frame, or decoration that says nothing."
    )
    contributes: bool
    reason: str = Field(description="Why it contributes or does not.")
    replacements: list[SignatureReplacement]

    @classmethod
    def of(cls, line: ExplainedLine) -> Self:
        """The line as it is shown."""
        return cls(
            text=line.text,
            normalised=line.normalised,
            kind=line.kind.value,
            contributes=line.contributes,
            reason=line.reason,
            replacements=[
                SignatureReplacement(
                    rule=found.rule,
                    why=found.why,
                    start=found.start,
                    original=found.text,
                    placeholder=found.placeholder,
                )
                for found in line.replacements
            ],
        )


class SignatureExplanation(BaseModel):
    """How an error signature came about."""

    signature: str = Field(description="SHA-256, 64 hexadecimal digits.")
    signature_version: int = Field(description="Version of the rules; only equal versions compare.")
    normalised_message: str
    contributions: list[str] = Field(description="What the stack contributes, in the order that counts.")
    message: list[SignatureLine]
    stack: list[SignatureLine]

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """The explanation as it is shown."""
        return cls(
            signature=explanation.signature.value,
            signature_version=explanation.signature.version,
            normalised_message=explanation.normalised_message,
            contributions=list(explanation.contributions),
            message=[SignatureLine.of(line) for line in explanation.message],
            stack=[SignatureLine.of(line) for line in explanation.stack],
        )
