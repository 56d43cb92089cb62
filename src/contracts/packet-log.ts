// Where an agent writes what it tells of packets (`[network_log]`): a file, or syslog.

export interface PacketLog extends AsyncDisposable {
  /** One line, without its line feed. Never throws and never waits; what cannot be written is lost, and its number told. */
  write(line: string): void;
}
