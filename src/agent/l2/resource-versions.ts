// Versions of the objects that this agent would understand, as Zed's agents report them: never newer than the oldest server that is served.
export const resourceVersions = {
  QosPolicy: '1.10',
  Trunk: '1.1',
  SubPort: '1.0',
  Port: '1.7',
  Subnet: '1.1',
  Network: '1.1',
  SecurityGroup: '1.5',
  SecurityGroupRule: '1.2',
  Log: '1.0',
  PortForwarding: '1.3',
  ConntrackHelper: '1.0',
  AddressGroup: '1.2',
  LocalIPAssociation: '1.0',
  NDPProxy: '1.0',
  Agent: '1.1',
} as const;
