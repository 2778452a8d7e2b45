"""Mails from the world: octets to one frozen value, bounded in time and memory (RFC 5322, MIME)."""
