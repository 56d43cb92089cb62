// Options of [nova], of what Nova is told, and of [placement].
import type { ServerConfig } from '../../server/context.ts';
import { accountOptions } from './account-options.ts';
import { idleOption, noEffect, type Option, option, section } from './option.ts';
import { type ServerProcess, within } from './server-process.ts';
import { bool, int } from './values.ts';

const account =
  (group: 'nova' | 'placement') =>
  (config: ServerProcess, change: Partial<ServerConfig['nova']['account']>): ServerProcess =>
    within(group, 'account')(config, { ...config.server[group].account, ...change });

export const novaOptions: readonly Option<ServerProcess>[] = [
  ...section('DEFAULT', [
    option(
      'notify_nova_on_port_status_changes',
      bool,
      'whether Nova hears that an instance’s port is plugged or unplugged',
      within('nova', 'status'),
      { default: 'true' },
    ),
    option(
      'notify_nova_on_port_data_changes',
      bool,
      'whether Nova hears that an instance’s port, or its floating IP, is another or is gone',
      within('nova', 'data'),
      { default: 'true' },
    ),
    option('send_events_interval', int(0, 3600), 'seconds between two messages to Nova', within('nova', 'interval'), { default: '2' }),
  ]),
  ...accountOptions('nova', account('nova')),
  ...accountOptions('placement', account('placement')),
  ...section<ServerProcess>('nova', [
    idleOption('live_migration_events', bool, 'whether Nova waits for the host that an instance moves to', noEffect('it always does'), {
      default: 'true',
    }),
  ]),
];
