"""The mirror beside the CRM, and repair by the engine's own paths."""
