import { describe } from 'node:test';
import { noSandbox } from './need.ts';
import { noClient, whole } from './whole.ts';

describe('the whole, with the real client', { skip: noSandbox() || noClient() }, () => whole('linuxbridge'));
