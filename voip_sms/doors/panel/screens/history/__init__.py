"""The history of a customer: its list, each message's life, and the same as CSV."""
