"""Every number inside: one question a file, answered with true numbers that show themselves."""

__all__: list[str] = []
