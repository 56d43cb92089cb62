// `[agent] extensions`: what an L2 agent does besides, when it is told to.

/** Those that there are, by agent. */
export const extensionsOf = { linuxbridge: ['qos'], openvswitch: ['log', 'qos'] } satisfies Readonly<Record<string, readonly string[]>>;
