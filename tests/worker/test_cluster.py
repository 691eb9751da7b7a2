from rootcoz.worker.cluster import DEAD_AFTER_S, Pulses


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def looked(pulses: Pulses, clock: Clock, seconds: float, *, one: int, rises: bool) -> set[str]:
    """Who is alive after looks at each second; `two` always goes on."""
    living: set[str] = set()
    for second in range(int(seconds)):
        clock.now += 1
        living = pulses.living({"one": one + (second if rises else 0), "two": second})
    return living


def test_whoever_gives_no_sign_of_life_for_long_enough_is_dead() -> None:
    clock = Clock()
    pulses = Pulses(clock)

    assert looked(pulses, clock, DEAD_AFTER_S, one=7, rises=False) == {"one", "two"}
    assert looked(pulses, clock, 1, one=7, rises=False) == {"two"}


def test_whoever_comes_back_is_alive_again() -> None:
    clock = Clock()
    pulses = Pulses(clock)
    looked(pulses, clock, DEAD_AFTER_S + 2, one=7, rises=False)

    assert looked(pulses, clock, 1, one=8, rises=False) == {"one", "two"}


def test_whoever_is_seen_for_the_first_time_is_alive() -> None:
    clock = Clock()

    assert Pulses(clock).living({"one": 1_000_000}) == {"one"}


def test_after_a_pause_of_our_own_nobody_is_dead() -> None:
    clock = Clock()
    pulses = Pulses(clock)
    looked(pulses, clock, 3, one=7, rises=False)
    clock.now += 3600

    assert pulses.living({"one": 7, "two": 2}) == {"one", "two"}


def test_whoever_is_struck_off_is_not_alive() -> None:
    clock = Clock()
    pulses = Pulses(clock)
    looked(pulses, clock, 2, one=7, rises=True)

    assert pulses.living({"two": 9}) == {"two"}
