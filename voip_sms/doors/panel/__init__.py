"""The panel: tenants and operators serve themselves in a browser."""
