"""What runs when: the schedule, the lock that keeps a second process away, and how it all is."""
