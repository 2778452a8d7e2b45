"""Mail as a way to send: who is written to, what of a mail becomes the SMS, how much may be sent."""
