import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HaproxyConfig, haproxyText } from './haproxy.ts';

const id = '586b73ec-b003-4153-9115-f31d2a75f445';
const network: HaproxyConfig = {
  kind: 'network',
  id,
  listeners: [
    { address: '169.254.169.254', port: 80 },
    { address: 'fe80::a9fe:a9fe', port: 80, device: 'ns-3b35bfa2-c8' },
  ],
  socket: '/state/metadata_proxy',
  pidFile: `/state/external/pids/${id}.pid.haproxy`,
  user: 'nobody',
  group: 'nogroup',
};

test('a network proxy, word for word', () => {
  assert.equal(
    haproxyText(network),
    `global
    log         /dev/log local0 info
    log-tag     haproxy-metadata-proxy-${id}
    user        nobody
    group       nogroup
    maxconn     1024
    pidfile     /state/external/pids/${id}.pid.haproxy
    daemon

defaults
    log global
    mode http
    option httplog
    option dontlognull
    option http-server-close
    option forwardfor
    retries                 3
    timeout http-request    30s
    timeout connect         30s
    timeout client          32s
    timeout server          32s
    timeout http-keep-alive 30s

listen listener
    bind 169.254.169.254:80
    bind [fe80::a9fe:a9fe]:80 interface ns-3b35bfa2-c8
    stick-table type ipv6 size 16k expire 1m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cur gt 32 }
    server metadata /state/metadata_proxy
    http-request del-header X-Forwarded-For
    http-request del-header X-Neutron-Router-ID
    http-request set-header X-Neutron-Network-ID ${id}
`,
  );
});

test('a router proxy strips the other header, and keeps its user where it cannot change', () => {
  const { user: _user, group: _group, ...rest } = network;
  const text = haproxyText({
    ...rest,
    kind: 'router',
    listeners: [
      { address: '0.0.0.0', port: 9697 },
      { address: '::', port: 9697 },
    ],
  });
  assert.match(text, /del-header X-Neutron-Network-ID\n {4}http-request set-header X-Neutron-Router-ID 586b/);
  assert.match(text, /bind 0\.0\.0\.0:9697\n {4}bind \[::\]:9697 v6only\n/);
  assert.doesNotMatch(text, /^ {4}(user|group) /m);
});

test('nothing but plain words gets into the file', () => {
  for (const bad of ['a b', 'a\nb', '"a', 'a#b', '$HOME', 'a\\b', '']) {
    assert.throws(() => haproxyText({ ...network, socket: bad }), /plain word/, bad);
    assert.throws(() => haproxyText({ ...network, id: bad }), /plain word/, bad);
  }
});
