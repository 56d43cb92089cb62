// URLs of databases as SQLAlchemy writes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUrl } from './url.ts';

test('what OpenStack writes into [database] connection is understood', () => {
  const of = (url: string) => {
    const { options, ...rest } = parseUrl(url);
    return { ...rest, options: Object.fromEntries(options) };
  };
  assert.deepEqual(of('mysql+pymysql://neutron:s3cret@controller/neutron?charset=utf8'), {
    kind: 'mariadb',
    user: 'neutron',
    password: 's3cret',
    nodes: [{ host: 'controller', port: 3306 }],
    database: 'neutron',
    options: { charset: 'utf8' },
    shown: 'mysql://neutron@controller/neutron',
  });
  assert.deepEqual(of('postgresql+psycopg2://u:p@[::1]:5433,db2/weft').nodes, [
    { host: '::1', port: 5433 },
    { host: 'db2', port: 5432 },
  ]);
  assert.equal(parseUrl('postgresql://db/weft').kind, 'postgres');
  assert.equal(parseUrl('sqlite:////var/lib/weft/state.db').database, '/var/lib/weft/state.db');
  assert.equal(parseUrl('sqlite:///relative.db').database, 'relative.db');
});

test('a password may hold what divides a URL', () => {
  for (const [written, meant] of [
    ['p@ss', 'p@ss'],
    ['a:b/c', 'a:b/c'],
    ['p%40ss%2F%3A', 'p@ss/:'],
    ['100%', '100%'],
  ]) {
    const { password, nodes, database, shown } = parseUrl(`mysql://u:${written}@h:1/d`);
    assert.deepEqual([password, nodes, database], [meant, [{ host: 'h', port: 1 }], 'd'], written);
    assert.equal(shown, 'mysql://u@h:1/d');
  }
});

test('what is wrong is said without what it was', () => {
  for (const url of [
    '',
    'secret',
    'oracle://u:secret@h/d',
    'mysql://u:secret@h',
    'mysql://u:secret@h/',
    'mysql://u:secret@/d',
    'sqlite://',
  ])
    assert.throws(
      () => parseUrl(url),
      (error: Error) => /the database's URL/.test(error.message) && !error.message.includes('secret'),
      url,
    );
});
