"""The trainer `lora`."""
