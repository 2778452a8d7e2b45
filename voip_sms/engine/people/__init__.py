"""People as use cases: who they are, how they sign in, what they are sent, who asks to become a customer."""
