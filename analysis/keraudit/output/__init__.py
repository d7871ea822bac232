"""Tables, numbers and files in every format; nothing here knows a question."""
