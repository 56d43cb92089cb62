// The contract of the store by one node of a Galera cluster.
import { after, describe, test } from 'node:test';
import { mariadbGround } from '../../src/adapters/store-sql/mariadb/ground.suite.ts';
import { remotePlace } from '../../src/adapters/store-sql/remote/place.suite.ts';
import { storeContract } from '../../src/contracts/store.suite.ts';
import { type Cluster, noGalera, startGalera } from './galera.ts';

let cluster: Promise<Cluster> | undefined;
after(async () => (await cluster)?.[Symbol.asyncDispose]());

if (noGalera === false)
  storeContract('one node of a Galera cluster', async () => {
    cluster ??= startGalera(2);
    // Its numbers are taken one after another, so there is no commit that has a lower one and comes later.
    const { underWay: _, ...place } = await remotePlace(mariadbGround, (await cluster).nodes[0]!);
    return place;
  });
else describe('a Galera cluster', () => test('keeps the contract', { skip: noGalera }, () => {}));
