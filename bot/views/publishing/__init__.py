"""Publishing in words: what each platform's fields are called, and what its refusals mean."""
