"""The shop's pages and JSON: parse, call one service or selector, answer."""
