"""The associations of records: those that come with a list, and those that are asked for (associations v4)."""

from __future__ import annotations

from collections.abc import Sequence

from ros_sync.connectors.hubspot.answers import following
from ros_sync.connectors.hubspot.client import HubSpotClient, Json
from ros_sync.connectors.hubspot.failures import standing_still
from ros_sync.connectors.hubspot.mapping import HubSpotMapping, StreamMapping
from ros_sync.connectors.hubspot.records import RecordReader, association_links
from ros_sync.connectors.source import Link, Page
from ros_sync.errors import DailyLimitError, PermanentError, TransientError

ASSOCIATION_INPUTS = 1_000  # HubSpot, associations v4, batch read


class Associations:
    """Reads associations by HubSpot's own ids."""

    def __init__(self, mapping: HubSpotMapping, client: HubSpotClient) -> None:
        self._mapping = mapping
        self._client = client

    def add_to(self, page: Page, mapping: StreamMapping, reader: RecordReader, results: Sequence[Json]) -> None:
        """The links that came with the records; those of which there are more are asked for."""
        if not mapping.links:
            return
        page.links, more = reader.links(results)
        for to in mapping.labels:  # labels of the company's own do not come inline
            more[to] = list(page.links)
        for to, ids in more.items():
            try:
                asked = self.of(mapping.name, to, ids)
            except DailyLimitError:
                raise
            except (PermanentError, TransientError) as error:  # they are read later, and the records now
                page.unread[to] = str(error)
                asked = {each: [] for each in page.links}
            for record_id, links in asked.items():
                others = [link for link in page.links[record_id] if link.object != to]
                page.links[record_id] = others + links

    def of(self, stream: str, to: str, ids: Sequence[str]) -> dict[str, list[Link]]:
        """The links with one stream; each record goes on at its own `after` where it has more than a page of them."""
        found: dict[str, list[Link]] = {each: [] for each in ids}
        labels = self._mapping.stream(stream).labels.get(to, frozenset())
        asked: list[dict[str, str]] = [{"id": each} for each in ids]
        passed: set[tuple[str, str]] = set()
        while asked:
            further: list[dict[str, str]] = []
            for start in range(0, len(asked), ASSOCIATION_INPUTS):
                body = self._client.associations(stream, to, asked[start : start + ASSOCIATION_INPUTS])
                for result in body["results"]:
                    record_id = str(result["from"]["id"])
                    if record_id not in found:  # the record that was asked for was merged into this one meanwhile
                        continue
                    found[record_id] += association_links(to, result["to"], labels)
                    after = following(result)
                    if after is None:
                        continue
                    if (record_id, after) in passed:
                        raise standing_still(f"links of {stream} {record_id} with {to}", after)
                    passed.add((record_id, after))
                    further.append({"id": record_id, "after": after})
            asked = further
        return found
