"""The language server: `hyperdsl lsp`. Nothing but `server` and what it hands to clients needs pygls."""
