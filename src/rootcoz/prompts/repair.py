"""The one further question after an answer that could not be used."""

from rootcoz.prompts.texts import prompt_template

EARLIER_ANSWER_FILE = "earlier-answer.txt"


def repair_prompt(question: str, problem: str, *, folder: str = "") -> str:
    """The question again, with what was wrong with the answer, which stands in EARLIER_ANSWER_FILE of `folder`."""
    file = f"{folder}/{EARLIER_ANSWER_FILE}" if folder else EARLIER_ANSWER_FILE
    return question + prompt_template("repair").substitute(problem=problem, file=file)
