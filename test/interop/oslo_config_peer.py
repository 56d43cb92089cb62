# What the real oslo.config makes of files. Usage: oslo_config_peer.py < JSON: {"options": [...], "cases": [[argument, ...], ...]}.
# Answers a JSON list: for each case {"error": true}, or {"values": {"group.name": {"value": ...} or {"error": true}}}.
import json
import logging
import sys

from oslo_config import cfg

logging.disable(logging.CRITICAL)
kinds = {
    'string': cfg.StrOpt,
    'boolean': cfg.BoolOpt,
    'integer': cfg.IntOpt,
    'number': cfg.FloatOpt,
    'list': cfg.ListOpt,
    'multi': cfg.MultiStrOpt,
}
told = json.load(sys.stdin)


def opt_of(option):
    more = {'min': option['min'], 'max': option['max']} if 'min' in option else {}
    older = [cfg.DeprecatedOpt(old.get('name'), group=old.get('group')) for old in option['deprecated']]
    return kinds[option['kind']](option['name'], default=option.get('default'), deprecated_opts=older, **more)


def value_of(conf, option):
    group = conf if option['group'] == 'DEFAULT' else conf[option['group']]
    try:
        return {'value': getattr(group, option['name'])}
    except (cfg.Error, AttributeError, ValueError, RecursionError):
        return {'error': True}


def answer(arguments):
    conf = cfg.ConfigOpts()
    for option in told['options']:
        conf.register_opt(opt_of(option), group=None if option['group'] == 'DEFAULT' else option['group'])
    try:
        conf(arguments, project='weft', default_config_files=[], default_config_dirs=[])
    except (cfg.Error, UnicodeDecodeError, OSError):
        return {'error': True}
    return {'values': {'%(group)s.%(name)s' % option: value_of(conf, option) for option in told['options']}}


json.dump([answer(case) for case in told['cases']], sys.stdout)
