"""What a lecture came to: by a language model that cites what it rests on, or as a draft without one."""
