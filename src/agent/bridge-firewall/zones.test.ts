// Zones: kept over a restart, never two networks in one, not given out in the pass in which they came back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Zones } from './zones.ts';

test('each bridge has its own, and keeps it', () => {
  const zones = new Zones();
  assert.deepEqual(zones.assign(new Set(['brqb', 'brqa'])), { fresh: [4097, 4098], freed: [] });
  assert.deepEqual(zones.assign(new Set(['brqa', 'brqb', 'brqc'])), { fresh: [4099], freed: [] });
  assert.deepEqual(
    ['brqa', 'brqb', 'brqc'].map(b => zones.get(b)),
    [4097, 4098, 4099],
  );
});

test('what the kernel has is adopted; doubtful zones are not', () => {
  const zones = new Zones();
  zones.adopt(
    new Map([
      ['brqa', 4100],
      ['brqb', 4100],
      ['brqc', 7],
    ]),
  );
  assert.deepEqual(zones.assign(new Set(['brqa', 'brqb', 'brqc'])), { fresh: [4097, 4098], freed: [] });
  assert.equal(zones.get('brqa'), 4100);
});

test('a zone that comes back is not given out at once', () => {
  const zones = new Zones();
  zones.assign(new Set(['brqa']));
  assert.deepEqual(zones.assign(new Set(['brqb'])), { fresh: [4098], freed: [4097] });
  assert.deepEqual(zones.assign(new Set(['brqb', 'brqc'])), { fresh: [4097], freed: [] });
});
