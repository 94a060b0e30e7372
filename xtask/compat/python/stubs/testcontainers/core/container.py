"""Stands in for the package testcontainers in the tests of etcd-client-py: the server is already there."""


class DockerContainer:
    def __init__(self, *_args, **_kwargs):
        pass

    def with_exposed_ports(self, *_ports):
        return self

    def waiting_for(self, _strategy):
        return self

    def get_exposed_port(self, port):
        return port

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None
