"""What people are told of associations that could not be read."""

from __future__ import annotations

from ros_sync.connectors.source import Stream
from ros_sync.sync.follow.unlinked import in_words, readable


def test_associations_are_told_with_why_they_could_not_be_read() -> None:
    """Those with the same reason together, by both streams."""
    unread = {("deals", "contacts"): "refused", ("deals", "companies"): "no answer", ("calls", "deals"): "refused"}
    told = in_words(unread).partition(";")[0], in_words(unread)
    assert "(deals with contacts, calls with deals: refused" in told[0]
    assert "; deals with companies: no answer);" in told[1]


def test_what_can_be_read_is_left() -> None:
    """The other associations, in their order; a stream of which all could be read is left as it is."""
    stream = Stream("deals", ("deal",), links=("companies", "contacts", "quotes"))
    assert ("companies", "quotes") == readable(stream, ["contacts"]).links
    assert readable(stream, []) is stream
