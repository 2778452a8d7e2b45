"""Recipients of the load: Polish mobile numbers, each once, spread over the networks' ranges."""

NETWORKS = ("50", "51", "53", "57", "60", "66", "69", "78", "79", "88")
# Odd and no multiple of five: n * STEP runs through all seven-digit numbers before it meets one again.
STEP, NUMBERS = 7_654_321, 10_000_000
# Holds a number's place in a request, as long as what comes there: the length of a body stays true.
PLACE = "48NNNNNNNNN"


def mobile(n: int) -> str:
    """Number `n` in E.164 without +."""
    return f"48{NETWORKS[n % 10]}{n * STEP % NUMBERS:07}"
