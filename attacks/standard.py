"""The standard ensemble."""
