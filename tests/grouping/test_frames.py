import time

import pytest

from rootcoz.grouping.frames import FRAME_LIMIT, LineKind, read_frame

FRAMES = [
    ("\tat com.acme.Shop.sell(Shop.java:12)", "com.acme.Shop.sell", LineKind.OWN),
    ("\tat java.base/java.util.Optional.get(Optional.java:143)", "java.util.Optional.get", LineKind.LIBRARY),
    ("\tat sun.reflect.GeneratedMethodAccessor12.invoke(Unknown Source)", None, LineKind.RUNNER),
    ("\tat com.acme.Shop.sell(Shop.kt) ~[shop.jar:1.2]", "com.acme.Shop.sell", LineKind.OWN),
    ('  File "/ws/7/shop/cart.py", line 3, in total', "total shop/cart.py", LineKind.OWN),
    ('  File "/v/site-packages/money/price.py", line 3, in price', None, LineKind.LIBRARY),
    ('  File "/v/site-packages/_pytest/python.py", line 3, in run', None, LineKind.RUNNER),
    ("tests/test_cart.py:12: AssertionError", "tests/test_cart.py", LineKind.OWN),
    ("    at Cart.total (/w/src/cart.ts:3:9)", "Cart.total src/cart.ts", LineKind.OWN),
    ("    at /w/src/cart.ts:3:9", "src/cart.ts", LineKind.OWN),
    ("    at fn (/w/node_modules/lodash/x.js:3:9)", None, LineKind.LIBRARY),
    ("    at node:internal/process/task_queues:95:5", None, LineKind.RUNNER),
    (
        "github.com/acme/sync.(*Worker).Run(0xc000123, {0x1, 0x2})",
        "github.com/acme/sync.(*Worker).Run",
        LineKind.OWN,
    ),
    ("testing.tRunner(0xc000123, 0x1)", None, LineKind.RUNNER),
    ("   at Acme.Shop.Sell(String id) in C:\\w\\Shop.cs:line 3", "Acme.Shop.Sell", LineKind.OWN),
    ("   at Acme.Shop.Sell(String id, Int32 n)", "Acme.Shop.Sell", LineKind.OWN),
    ("   3: shop::sell::h0123456789abcdef", "shop::sell<n>", LineKind.OWN),
    ("   0: core::panicking::panic_fmt", None, LineKind.RUNNER),
    ("/w/lib/shop.rb:3:in `sell'", "sell lib/shop.rb", LineKind.OWN),
    ("#0 /w/src/Shop.php(3): Acme\\Shop->sell()", "Acme\\Shop->sell src/Shop.php", LineKind.OWN),
    ("#2 {main}", None, LineKind.RUNNER),
    ("\t... 23 more", None, LineKind.DECORATION),
    ("#1 0xc37e255eb8a1 <unknown>", None, LineKind.DECORATION),
]
TEXTS = [
    "java.lang.IllegalStateException: no stock",
    "Caused by: java.io.IOException: full (disk)",
    "at the end of the day",
    "Error: locator.click(button)",
    "  - waiting for getByRole('button')",
    "assert total(cart) == 5",
]


@pytest.mark.parametrize(("line", "key", "kind"), FRAMES)
def test_frames_of_each_language_are_read(line: str, key: str | None, kind: LineKind) -> None:
    frame = read_frame(line)

    assert frame is not None
    assert frame.kind is kind
    assert key is None or frame.key == key


@pytest.mark.parametrize("line", TEXTS)
def test_text_is_no_frame(line: str) -> None:
    assert read_frame(line) is None


@pytest.mark.parametrize("start", ["at ", 'File "', "#0 ", "created by ", "", "0: "])
@pytest.mark.parametrize(
    "unit", ["a.", "a/", "(", "a.(", "a::", ".go:", ".py:1", ".rb:1:", "$$Lambda", "=", "x:line 1", "func1"]
)
def test_a_hostile_line_takes_no_longer_than_its_length_asks(start: str, unit: str) -> None:
    def seconds(length: int) -> float:
        line = (start + unit * length)[:length]
        begin = time.process_time()
        for _ in range(20):
            read_frame(line)
        return time.process_time() - begin

    assert min(seconds(FRAME_LIMIT) for _ in range(2)) < 4 * 10 * seconds(FRAME_LIMIT // 10) + 0.02
