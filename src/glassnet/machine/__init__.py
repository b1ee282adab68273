"""What the processor is asked to do: compiled loops, the vector instructions in them, and the threads that run them.

Nothing is imported here: the loops need Numba, which only who trains at full speed need load.
"""
