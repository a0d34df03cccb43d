"""A workspace's files made into what the jobs work by: the organisation, the rules, the connectors.

Each file stands by itself. One that cannot be used is told, and the last good version of it goes on.
"""
