"""The simulator's page: handsets as one sees them, faults as switches, binds and PDUs."""
