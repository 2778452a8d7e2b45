"""The family of pages that send."""
