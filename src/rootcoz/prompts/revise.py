"""The question whether the main model wants to revise its answer after a round of the debate."""

from rootcoz.prompts.texts import prompt_template


def revise_prompt(question: str, *, answer_file: str, votes_file: str) -> str:
    """The question again, with the files that hold the answer to it and what the peers said. The reply is an answer."""
    return question + prompt_template("revise").substitute(answer=answer_file, votes=votes_file)
