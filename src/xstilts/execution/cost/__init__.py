"""What runs cost: time, memory, energy and floating point operations."""
