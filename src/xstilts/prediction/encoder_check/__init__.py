"""What the workflow can do with an encoder, tried in about a minute before any experiment."""
