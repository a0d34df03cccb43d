"""Rules: the condition language, rule files, their evaluation over the mirror, and the tests inside the files."""
