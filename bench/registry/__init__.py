"""Names to implementations: tables, entry points, plugins, and the parameters they take.

The implementations live in `backends`, `attacks` and plugins.
"""
