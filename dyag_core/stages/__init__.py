"""The stages: files in, chosen plugins, files out. One module each, one function each."""
