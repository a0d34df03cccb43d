"""How a workspace stands, as data: what a screen, a page and an answer in JSON show alike. Nothing is written here."""
