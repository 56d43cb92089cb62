// Options of the logging of packets, of both L2 agents.
import { option, section } from '../option.ts';
import { int, list } from '../values.ts';
import { type AgentSettings, sets, within } from './settings.ts';
import { absolutePath } from './types.ts';

export const extensionsOption = option<AgentSettings, readonly string[]>(
  'extensions',
  list,
  'what the agent does besides: `log` (packets), `qos`; what it does not have is told at its start',
  sets('extensions'),
  { default: '' },
);

export const packetLogOptions = section<AgentSettings>('network_log', [
  option('rate_limit', int(100), 'packets a second that are logged, of all ports together', within('networkLog', 'rate'), {
    default: '100',
  }),
  option('burst_limit', int(25), 'packets at once after a pause', within('networkLog', 'burst'), { default: '25' }),
  option('local_output_log_base', absolutePath, 'the file that they are written to; without it syslog', within('networkLog', 'file')),
]);
