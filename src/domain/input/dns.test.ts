import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { misfit, ownDomain } from '../ipam/dns.ts';
import { readDnsDomain, readDnsName, readRelativeDnsName } from './dns.ts';

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('names of the DNS', () => {
  test('are lower case labels, with or without a final dot', () => {
    assert.equal(readDnsName('My-Port'), 'my-port');
    assert.equal(readDnsName('a.b.'), 'a.b.');
    assert.equal(readDnsName(''), '');
    assert.equal(readRelativeDnsName('www'), 'www');
    assert.equal(readDnsDomain('Example.ORG.'), 'example.org.');
  });

  test('what is refused', () => {
    assert.match(
      refusal(() => readDnsName('-a')),
      /'-a' not a valid PQDN or FQDN\. Reason: Name '-a' must not start or end with a hyphen\./,
    );
    assert.match(
      refusal(() => readDnsName('a..b')),
      /Encountered an empty component/,
    );
    assert.match(
      refusal(() => readDnsName('a_b')),
      /can only be alphanumeric or a hyphen/,
    );
    assert.match(
      refusal(() => readDnsName(`${'a'.repeat(64)}.b`)),
      /1-63 characters/,
    );
    assert.match(
      refusal(() => readDnsName('a.1')),
      /TLD '1' must not be all numeric/,
    );
    assert.match(
      refusal(() => readDnsName('a\nb')),
      /./,
    );
    assert.match(
      refusal(() => readDnsDomain('example.org')),
      /'example\.org' is not a FQDN\./,
    );
    assert.match(
      refusal(() => readRelativeDnsName('www.example.org.')),
      /should be a relative domain name/,
    );
  });

  test('a name of a port fits under the domain of the cloud', () => {
    assert.equal(ownDomain('openstacklocal'), '');
    assert.equal(ownDomain('example.org'), 'example.org.');
    assert.equal(misfit('web', 'example.org.'), undefined);
    assert.equal(misfit('web.example.org.', 'example.org.'), undefined);
    assert.match(misfit('web.other.org.', 'example.org.') ?? '', /^The dns_name passed is a FQDN\./);
    assert.match(misfit('.example.org.', 'example.org.') ?? '', /FQDN/);
    assert.match(misfit('a'.repeat(250), 'example.org.') ?? '', /^The dns_name passed is a PQDN and its size is '250'/);
  });
});
