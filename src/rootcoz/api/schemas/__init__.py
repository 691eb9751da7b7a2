"""The wire's types: what requests and replies look like in JSON, one module a noun.

They make the OpenAPI document, so each field carries its description. They are apart from `domain`'s types, which
may change without the wire noticing.
"""
