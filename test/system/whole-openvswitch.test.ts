import { describe } from 'node:test';
import { noSandbox, noSwitch } from './need.ts';
import { noClient, whole } from './whole.ts';

describe('the whole, with the real client, on Open vSwitch', { skip: noSandbox() || noClient() || noSwitch() }, () => whole('openvswitch'));
