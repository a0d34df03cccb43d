"""The sync engine: what connectors read becomes what the mirror holds."""
