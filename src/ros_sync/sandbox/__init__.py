"""The vendors stood up on loopback, written from their public documentation and sharing no code with what they test."""
