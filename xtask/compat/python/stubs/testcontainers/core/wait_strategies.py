"""See container.py."""


class LogMessageWaitStrategy:
    def __init__(self, _line):
        pass
