"""The built-in analyser: named rules and stack reading."""
