"""The bounded memory of what was used last."""

from concurrent.futures import ThreadPoolExecutor

from contentserver.store.recent import Recent


def test_it_forgets_what_was_not_asked_for_longest() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.keep("a", 1)
    recent.keep("b", 2)
    assert recent.find("a") == 1
    recent.keep("c", 3)
    assert [recent.find(name) for name in "abc"] == [1, None, 3]


def test_a_newer_value_takes_the_place_of_an_older_one() -> None:
    recent: Recent[str, int] = Recent(2)
    for value in range(5):
        recent.keep("a", value)
    assert (recent.find("a"), len(recent)) == (4, 1)


def test_it_stays_bounded_under_threads() -> None:
    recent: Recent[int, int] = Recent(10)

    def use(seed: int) -> None:
        for number in range(2_000):
            recent.keep(number * seed % 50, number)
            recent.find(number % 50)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(1, 9)))
    assert len(recent) == 10
