"""The root of everything that can be wrong with octets or texts from a wire."""


class WireError(ValueError):
    """What arrived, or what was to be sent, does not have the form its specification asks for."""
