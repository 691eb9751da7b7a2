import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.stack import Frame, FrameKind, KnownTest, frame_kind, read_frame, read_stack

FRAMES = {
    "python": ('  File "/app/shop/cart.py", line 42, in add', "/app/shop/cart.py", 42, "add"),
    "java": ("\tat org.acme.Cart.add(Cart.java:42)", "Cart.java", 42, "org.acme.Cart.add"),
    "java module": ("at java.base/java.util.List.of(List.java:7)", "List.java", 7, "java.util.List.of"),
    "java constructor": ("at org.acme.Cart.<init>(Cart.java:3)", "Cart.java", 3, "org.acme.Cart.<init>"),
    "java native": ("at sun.Reflect.invoke0(Native Method)", "", None, "sun.Reflect.invoke0"),
    "kotlin": ("at org.acme.CartKt.add$lambda(Cart.kt:9)", "Cart.kt", 9, "org.acme.CartKt.add$lambda"),
    "javascript": ("    at Cart.add (/app/src/cart.js:4:11)", "/app/src/cart.js", 4, "Cart.add"),
    "typescript": ("    at async file:///app/cart.spec.ts:4:11", "file:///app/cart.spec.ts", 4, ""),
    "go": ("\t/app/cart/cart.go:12 +0x1d", "/app/cart/cart.go", 12, ""),
    "go test": ("    cart_test.go:12: want 3, got 4", "cart_test.go", 12, ""),
    "c#": (
        r"   at Acme.Cart.Add(Int32 count) in C:\src\Cart.cs:line 8",
        r"C:\src\Cart.cs",
        8,
        "Acme.Cart.Add",
    ),
    "c# without file": ("   at System.Linq.First(Object x)", "", None, "System.Linq.First"),
    "rust": ("             at ./src/cart.rs:12:5", "./src/cart.rs", 12, ""),
    "rust panic": ("thread 'main' panicked at src/cart.rs:12:5:", "src/cart.rs", 12, ""),
    "ruby": ("app/cart.rb:12:in `add'", "app/cart.rb", 12, "add"),
    "rspec": ("# ./spec/cart_spec.rb:5:in 'block'", "./spec/cart_spec.rb", 5, "block"),
    "php": ("#0 /app/Cart.php(12): Acme\\Cart->add()", "/app/Cart.php", 12, "Acme\\Cart->add"),
    "sanitizer": ("    #1 0x4f in cart_add /src/cart.c:12:3", "/src/cart.c", 12, "cart_add"),
    "pytest": ("tests/test_cart.py:12: in test_add", "tests/test_cart.py", 12, "test_add"),
    "googletest": ("cart_test.cc:12: Failure", "cart_test.cc", 12, ""),
}


@pytest.mark.parametrize(("line", "file", "number", "function"), FRAMES.values(), ids=FRAMES)
def test_a_call_is_read_whatever_the_language(
    line: str, file: str, number: int | None, function: str
) -> None:
    assert read_frame(line) == Frame(file, number, function, line.strip())


@pytest.mark.parametrize(
    "line",
    ["", "at", "at the end of the day", "http://acme.test:8080/x", "12:30:05 started", "a.b:3", "#1 fixed"],
)
def test_other_lines_are_no_calls(line: str) -> None:
    assert read_frame(line) is None


def test_the_root_cause_of_a_java_trace_is_its_last_cause() -> None:
    stack = read_stack(
        "org.acme.OrderException: cannot order\n"
        "\tat org.acme.Order.place(Order.java:10)\n"
        "Caused by: java.io.IOException: broken\n"
        "\tat org.acme.Disk.read(Disk.java:5)\n"
        "\t... 12 more\n"
        "Caused by: java.lang.IllegalStateException: closed\n"
        "\tat org.acme.Disk.open(Disk.java:3)\n"
    )

    assert [thrown.simple_type for thrown in stack.thrown] == [
        "OrderException",
        "IOException",
        "IllegalStateException",
    ]
    assert stack.root is not None
    assert stack.root.message == "closed"
    assert [frame.line for frame in stack.root.frames] == [3]


def test_the_root_cause_of_a_python_trace_is_its_first_exception() -> None:
    stack = read_stack(
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in one\n'
        '  File "b.py", line 2, in two\n'
        "KeyError: 'x'\n"
        "\n"
        "The above exception was the direct cause of the following exception:\n"
        "\n"
        "Traceback (most recent call last):\n"
        '  File "c.py", line 3, in three\n'
        "acme.OrderError: no such order\n"
    )

    assert [thrown.type for thrown in stack.thrown] == ["acme.OrderError", "KeyError"]
    assert stack.root is not None
    assert [frame.file for frame in stack.root.frames] == ["b.py", "a.py"]


def test_the_inner_exception_of_a_c_sharp_trace_gets_the_inner_calls() -> None:
    stack = read_stack(
        "System.AggregateException : many ---> System.InvalidOperationException : closed\n"
        "   at Acme.Disk.Open() in /src/Disk.cs:line 3\n"
        "   --- End of inner exception stack trace ---\n"
        "   at Acme.Order.Place() in /src/Order.cs:line 9\n"
    )

    assert [(thrown.simple_type, thrown.frames[0].line) for thrown in stack.thrown] == [
        ("AggregateException", 9),
        ("InvalidOperationException", 3),
    ]


def test_a_go_panic_joins_the_function_to_its_place() -> None:
    stack = read_stack(
        "panic: boom\n\ngoroutine 7 [running]:\nacme/cart.(*Cart).Add(0x0)\n\t/app/cart/cart.go:12 +0x1d\n"
    )

    assert stack.root is not None
    assert stack.root.type == "panic"
    assert stack.root.frames[0].function == "acme/cart.(*Cart).Add"


KINDS = {
    "test by path": (Frame("tests/test_cart.py", 1, "test_add", ""), FrameKind.TEST),
    "helper in the tests' folder": (Frame("/app/tests/pages/cart.py", 1, "open", ""), FrameKind.TEST),
    "test by class": (Frame("CartTest.java", 1, "org.acme.CartTest.adds", ""), FrameKind.TEST),
    "spec": (Frame("/app/src/cart.spec.ts", 1, "", ""), FrameKind.TEST),
    "product": (Frame("/app/shop/cart.py", 1, "add", ""), FrameKind.PRODUCT),
    "product whose name ends like a test": (Frame("/app/shop/latest.py", 1, "add", ""), FrameKind.PRODUCT),
    "library": (Frame("/venv/lib/python3.12/site-packages/requests/api.py", 1, "get", ""), FrameKind.LIBRARY),
    "node module": (Frame("/app/node_modules/axios/index.js", 1, "get", ""), FrameKind.LIBRARY),
    "java library": (Frame("List.java", 1, "java.util.List.of", ""), FrameKind.LIBRARY),
    "runner": (Frame("Assert.java", 1, "org.junit.Assert.fail", ""), FrameKind.RUNNER),
    "python runner": (Frame("/usr/lib/python3.12/unittest/case.py", 1, "run", ""), FrameKind.RUNNER),
}


@pytest.mark.parametrize(("frame", "kind"), KINDS.values(), ids=KINDS)
def test_a_frame_is_told_by_its_path_and_function(frame: Frame, kind: FrameKind) -> None:
    assert frame_kind(frame, KnownTest()) is kind


def test_a_library_s_own_tests_make_its_code_the_product() -> None:
    test = KnownTest("org.springframework.web.ViewTests.renders", "org.springframework.web.ViewTests")
    frame = Frame("View.java", 3, "org.springframework.web.View.render", "")

    assert frame_kind(frame, test) is FrameKind.PRODUCT
    assert frame_kind(frame, KnownTest("org.acme.shop.CartTest.adds")) is FrameKind.LIBRARY


@pytest.mark.parametrize(
    ("class_name", "frame", "kind"),
    [
        ("shop/cart", Frame("/src/shop/cart/cart.go", 31, "shop/cart.(*Cart).Add", ""), FrameKind.PRODUCT),
        ("shop/cart", Frame("/src/shop/cart/cart_test.go", 9, "shop/cart.TestAdd", ""), FrameKind.TEST),
        ("org.acme.shop", Frame("Cart.java", 31, "org.acme.shop.Cart.add", ""), FrameKind.PRODUCT),
        ("org.acme.shop.CartTest", Frame("Cart.java", 31, "org.acme.shop.Cart.add", ""), FrameKind.PRODUCT),
        ("org.acme.Adding", Frame("Adding.java", 3, "org.acme.Adding.adds", ""), FrameKind.TEST),
        ("org.acme.Adding", Frame("Adding.java", 3, "org.acme.Adding$Nested.adds", ""), FrameKind.TEST),
        ("org.acme.Adding", Frame("Adder.java", 3, "org.acme.AddingMachine.add", ""), FrameKind.PRODUCT),
        ("Cart", Frame("/app/src/cart.js", 4, "Cart.total", ""), FrameKind.PRODUCT),
        ("Cart", Frame("/app/src/cart.spec.ts", 4, "Cart.total", ""), FrameKind.TEST),
        ("shop.test_cart", Frame("/app/shop/cart.py", 4, "add", ""), FrameKind.PRODUCT),
        ("shop.test_cart", Frame("/app/shop/test_cart.py", 4, "test_add", ""), FrameKind.TEST),
        ("checks.cart", Frame("/app/checks/cart.py", 4, "adds", ""), FrameKind.TEST),
        ("checks.cart.Adding", Frame("checks/cart.py", 4, "adds", ""), FrameKind.TEST),
        ("checks.cart", Frame("/app/shop/cart.py", 4, "add", ""), FrameKind.PRODUCT),
        ("shop", Frame("/app/shop/cart.py", 4, "add", ""), FrameKind.PRODUCT),
        ("cart", Frame("cart.py", 4, "adds", ""), FrameKind.TEST),
        ("cart", Frame("/app/shop/cart.py", 4, "add", ""), FrameKind.PRODUCT),
        ("", Frame("", None, "new Promise", "at new Promise (<anonymous>)"), FrameKind.LIBRARY),
        ("shop", Frame("src/cart.rs", 4, "shop::cart::add", ""), FrameKind.PRODUCT),
        ("shop", Frame("src/cart.rs", 40, "shop::cart::tests::adds", ""), FrameKind.TEST),
        ("Acme.Shop", Frame("", None, "Acme.Shop.Cart.Add", ""), FrameKind.PRODUCT),
        ("Acme.Checks", Frame("", None, "Acme.Checks.<Adds>d__1.MoveNext", ""), FrameKind.TEST),
        ("", Frame("", None, "Acme.Shop.Tests.Helper.Make", ""), FrameKind.TEST),
        ("", Frame("/src/Acme.Shop.Tests/Helper.cs", 3, "Helper.Make", ""), FrameKind.TEST),
    ],
)
def test_a_class_name_makes_only_its_own_calls_the_test_s(
    class_name: str, frame: Frame, kind: FrameKind
) -> None:
    assert frame_kind(frame, KnownTest(class_name=class_name)) is kind


def test_the_test_s_file_makes_a_frame_the_test_s() -> None:
    frame = Frame("/builds/7/checks/cart.py", 3, "run", "")

    assert frame_kind(frame, KnownTest(file="checks/cart.py")) is FrameKind.TEST
    assert frame_kind(frame, KnownTest(file="hecks/cart.py")) is FrameKind.PRODUCT


@given(st.text(alphabet='at File"\n:,()#E 1.pyjavgo/\\$->Caused by: Error', max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    stack = read_stack(text)

    assert all(thrown.type or thrown.frames for thrown in stack.thrown)
