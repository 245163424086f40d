"""Which outboxes are on, by what the policies carry."""

from contentserver.operations.extensions import Attached, Extensions


def extensions() -> Extensions:
    made = Extensions()
    made.add_consumer("writeback", lambda attached: bool(attached.get("collect")))
    return made


def test_a_box_is_on_while_any_policy_in_force_or_coming_says_so() -> None:
    boxes = extensions().boxes
    off: Attached = {}
    assert boxes(off, off) == ()
    assert boxes({"collect": True}, off) == ("writeback",)
    assert boxes(off, {"collect": True}) == ("writeback",)


def test_a_box_is_on_while_a_policy_is_unknown() -> None:
    assert extensions().boxes(None, {}) == ("writeback",)


def test_a_box_is_known_whether_on_or_off() -> None:
    assert extensions().known_boxes == ("writeback",)


def test_attachments_are_read_each_time() -> None:
    made, answers = Extensions(), iter([["a"], ["b"]])
    made.add_attachment("sources", lambda: next(answers))
    assert made.read_attachments() == {"sources": ["a"]}
    assert made.read_attachments() == {"sources": ["b"]}
