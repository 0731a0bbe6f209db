"""The parts of the test double of the Hugging Face Hub; double.py is the program and says how to use it."""
