"""Service-level clocks: what must happen within a time, when it is due, and whether it did."""
