"""What is to be said to whom and when: written with the decision, in one transaction, and kept until it is said."""
