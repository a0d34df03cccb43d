"""Who works here, when they work, and whom a message reaches: people, teams, calendars, fiscal periods, rates."""
