# The real oslo.messaging on the same broker: an RPC server that Weft calls, and a client that calls Weft.
# Usage: oslo_peer.py TRANSPORT_URL. Commands come as one JSON object per line on stdin; each is answered by one line on stdout.
import json
import sys
import threading

import oslo_messaging
from oslo_config import cfg

conf = cfg.CONF
oslo_messaging.set_transport_defaults('neutron')
conf([])
options = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
transport = oslo_messaging.get_rpc_transport(conf, url=sys.argv[1], allowed_remote_exmods=['__main__'])
for name, value in options.items():
    conf.set_override(name, value, group='oslo_messaging_rabbit')

lock = threading.Lock()
heard = []


class NetworkNotFound(Exception):
    """Its class name is what the far end decides by."""


class Endpoint:
    target = oslo_messaging.Target(version='1.3')

    def echo(self, context, **args):
        return args

    def who(self, context):
        return {key: context.get(key) for key in ('user_id', 'project_id', 'roles', 'is_admin', 'request_id')}

    def fail(self, context):
        raise NetworkNotFound('Network n1 could not be found.')

    def sleep(self, context, seconds):
        threading.Event().wait(seconds)
        return 'slept'

    def note(self, context, **args):
        with lock:
            heard.append(args)


class Named:
    target = oslo_messaging.Target(version='1.0', namespace='trunk')

    def where(self, context):
        return 'in the namespace'


server = oslo_messaging.get_rpc_server(
    transport, oslo_messaging.Target(topic='peer', server='peer-host'), [Endpoint(), Named()], executor='threading')
server.start()


def client(of):
    target = oslo_messaging.Target(topic=of['topic'], server=of.get('server'), fanout=of.get('fanout'))
    built = oslo_messaging.RPCClient(transport, target)
    keys = {key: of[key] for key in ('version', 'namespace', 'timeout') if key in of}
    return built.prepare(**keys)


def run(command):
    context = {'user_id': 'ann', 'project_id': 'demo', 'roles': ['member'], 'is_admin': False, 'request_id': 'req-python'}
    what = command['do']
    if what == 'call':
        return client(command['target']).call(context, command['method'], **command.get('args', {}))
    if what == 'cast':
        return client(command['target']).cast(context, command['method'], **command.get('args', {}))
    if what == 'heard':
        with lock:
            return list(heard)
    raise ValueError(what)


print(json.dumps({'result': 'ready'}), flush=True)
for line in sys.stdin:
    try:
        answer = {'result': run(json.loads(line))}
    except oslo_messaging.RemoteError as error:
        answer = {'error': 'RemoteError', 'exc_type': error.exc_type, 'value': error.value}
    except Exception as error:
        answer = {'error': type(error).__name__, 'value': str(error)}
    print(json.dumps(answer), flush=True)
server.stop()
server.wait()
