"""The built-in plugins. They come in through the same entry points as anyone's."""
