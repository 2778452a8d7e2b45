"""What housekeeping does: one chore a module, in units of at most `ROWS` rows."""
