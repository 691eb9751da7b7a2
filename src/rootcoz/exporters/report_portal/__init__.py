"""Findings pushed into Report Portal: defect types, comments and links of the items of one launch.

Enters: which build it is and what was found of each of its failures (`push.Verdict`). Leaves: a `push.PushReport` of
what was changed and what was not, and why. Who calls: `features/report_portal.py`.

    launch.py    which launch is the build's
    names.py     which failure an item is, across the spellings of test frameworks
    comment.py   what is written to an item, beside what people wrote there
    push.py      the plan, and sending it in batches
    client.py    the calls; the only module that sends anything

An item is changed only when it is certain which failure it is. What a person set or wrote in Report Portal stays, and a
second push of the same changes nothing.
"""
