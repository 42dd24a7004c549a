"""A moto server of its own process: prints its port, then speaks S3 over HTTP."""

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

application = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.port, flush=True)  # noqa: T201
server.serve_forever()
