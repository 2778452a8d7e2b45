"""The telephone as a door: calls on an Asterisk go through a customer's flow, and some end in an SMS."""
