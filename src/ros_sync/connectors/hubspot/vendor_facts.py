"""What of HubSpot the engine has to know."""

from __future__ import annotations

from ros_sync.connectors.source import VendorFacts

FACTS = VendorFacts(
    display_name="HubSpot",
    overlap_seconds=120,  # search lags behind writes by up to a minute ("Search the CRM"), twice that to be safe
    settled_seconds=3_600,  # ours: under load the search index has been seen to lag for much longer than documented
    archived_days=90,  # "Restore deleted records": for so long archived records can be listed and restored
    ids_a_call=100,  # objects API, batch read
    histories_a_call=50,  # objects API, batch read with histories
    redelivery_seconds=86_400,  # "Webhooks": ten attempts within 24 hours
    max_text_chars=65_536,  # "Properties": the longest value of a multi-line text
)
