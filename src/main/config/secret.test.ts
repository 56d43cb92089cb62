import assert from 'node:assert/strict';
import test from 'node:test';
import { maskUrl, shownText } from './secret.ts';
import { list, string } from './values.ts';

const plain = { name: 'name', secret: false, type: string };

test('secrets are shown nowhere, and nothing where there is none', () => {
  assert.equal(shownText({ ...plain, name: 'metadata_proxy_shared_secret' }, 'x'), '***');
  assert.equal(shownText({ ...plain, secret: true }, 'x'), '***');
  assert.equal(shownText({ ...plain, secret: true }, ''), '');
  assert.equal(shownText({ ...plain, name: 'auth_url' }, 'http://c:5000/v3'), 'http://c:5000/v3');
  for (const origins of ['https://a.example, https://b.example:80', 'https://a.example,https://b.example:80/x'])
    assert.equal(shownText({ ...plain, type: list }, origins), origins);
  assert.equal(shownText({ ...plain, type: list }, 'a, http://u:p@b, c'), 'a, http://u:***@b, c');
});

test('of a URL everything but its passwords', () => {
  for (const [url, shown] of [
    ['rabbit://weft:p@h', 'rabbit://weft:***@h'],
    [
      'rabbit://weft:p1@h1:5672,weft:p2@h2:5672/v?ssl=1&ssl_key_password=x',
      'rabbit://weft:***@h1:5672,weft:***@h2:5672/v?ssl=1&ssl_key_password=***',
    ],
    ['mysql+pymysql://weft:p@db1:3306,db2/weft?charset=utf8', 'mysql+pymysql://weft:***@db1:3306,db2/weft?charset=utf8'],
    ['mysql://weft@db:3306/weft', 'mysql://weft@db:3306/weft'],
    ['sqlite:////var/lib/weft.db', 'sqlite:////var/lib/weft.db'],
    ['rabbit://:p@h', 'rabbit://:***@h'],
  ] as const)
    assert.equal(maskUrl(url), shown);
});

test('a password with signs of its own is masked, with more rather than less', () => {
  for (const url of [
    'mysql://weft:ge@heim@db/weft',
    'mysql://weft:ge/heim@db/weft',
    'mysql://weft:ge?heim@db/weft',
    'mysql://weft:ge,heim@db/weft',
    'mysql://weft:ge heim@db/weft',
    'mysql://weft:ge\nheim@db/weft',
    'rabbit://weft:ge,heim@h1,weft:ge@heim@h2',
    'rabbit://weft:geheim',
    'rabbit://weft:ge://heim@h',
    'mysql://weft:x@db/weft?password=geheim',
  ])
    assert.doesNotMatch(maskUrl(url), /ge|heim/, url);
});
