"""The built-in analyser: named rules and stack reading.

Enters: one `Failure`. Leaves: a `Finding` with an honest confidence, or a `NoVerdict` where nothing speaks
clearly. `providers/builtin.py` calls `judge`. `stack` reads traces; the rules are data in `infrastructure`,
`code_issue` and `product_bug`, one list a classification; `weighing` adds votes up; `report` puts the result
into words.

`pattern_file` reads rules that a team brings.

To add a rule: write it into the list of its classification, with examples and counter-examples; the
tests check every rule against its own.
"""

from rootcoz.triage.judgement import RULES, judge, speaking

__all__ = ["RULES", "judge", "speaking"]
