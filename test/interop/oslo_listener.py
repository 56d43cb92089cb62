# Listens for notifications as Ceilometer does: the real oslo.messaging. Usage: oslo_listener.py TRANSPORT_URL. One JSON object per line.
import json
import sys
import threading

import oslo_messaging
from oslo_config import cfg

conf = cfg.CONF
oslo_messaging.set_transport_defaults('neutron')
conf([])
lock = threading.Lock()


class Endpoint:
    filter_rule = oslo_messaging.NotificationFilter(publisher_id='^network.*')

    def info(self, context, publisher_id, event_type, payload, metadata):
        line = json.dumps({'context': context, 'publisher_id': publisher_id, 'event_type': event_type,
                           'payload': payload, 'metadata': metadata})
        with lock:
            print(line, flush=True)


transport = oslo_messaging.get_notification_transport(conf, url=sys.argv[1])
listener = oslo_messaging.get_notification_listener(
    transport, [oslo_messaging.Target(topic='notifications')], [Endpoint()], executor='threading')
listener.start()
listener.wait()
