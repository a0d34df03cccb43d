"""The local mirror of the CRMs: tables, change history, and any past state."""
