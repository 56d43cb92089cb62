# What oslo.middleware's /healthcheck answers: questions as JSON on stdin, answers on stdout.
import json
import sys

import webob
from oslo_middleware import healthcheck

answers = []
for question in json.load(sys.stdin):
    app = healthcheck.Healthcheck.app_factory({}, **question['options'])
    request = webob.Request.blank('/healthcheck', method=question['method'])
    if question['accept'] is not None:
        request.accept = question['accept']
    request.environ['SERVER_PORT'] = question['port']
    answer = request.get_response(app)
    answers.append({'status': answer.status_int, 'type': answer.headers.get('Content-Type'), 'text': answer.text})
json.dump(answers, sys.stdout)
