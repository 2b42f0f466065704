"""The child process that decodes files. Whatever a file does to it, it reaches nothing else.

It starts with an empty environment and has three descriptors: the file, an anonymous file for a rewritten copy, and a
pipe for its result. Before it decodes anything it gives up the right to open another descriptor, so neither a file nor
a connection can be opened, and it has limits of memory, processor time and output.
"""
