"""Whatever comes into the mirror, by a file or by a CRM's API.

Rows and histories, links, endings, quarantine, derived fields.
"""
