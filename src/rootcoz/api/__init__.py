"""The HTTP face: routes, the wire's types, who may do what, and the table of errors.

Routes translate; they decide nothing that a command line would have to decide again.
"""
