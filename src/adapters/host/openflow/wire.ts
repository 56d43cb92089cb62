// Numbers of OpenFlow 1.4 and of Nicira's extensions.

export const VERSION = 5;
export const NICIRA = 0x2320;
export const ALL_TABLES = 255;
export const ANY = 0xffffffff;

export const MESSAGE = {
  hello: 0,
  error: 1,
  echo_request: 2,
  echo_reply: 3,
  experimenter: 4,
  packet_in: 10,
  flow_removed: 11,
  port_status: 12,
  flow_mod: 14,
  group_mod: 15,
  multipart_request: 18,
  multipart_reply: 19,
  barrier_request: 20,
  barrier_reply: 21,
  set_async: 28,
  meter_mod: 29,
  bundle_control: 33,
  bundle_add: 34,
} as const;

/** Nicira's own messages. */
export const NX_MESSAGE = { set_controller_id: 20 } as const;

export const MULTIPART = { flow: 1, group_desc: 7, meter_config: 10, port_desc: 13 } as const;
export const MULTIPART_MORE = 1;

export const BUNDLE = { open: 0, commit: 4, discard: 6 } as const;
/** Atomic and ordered. */
export const BUNDLE_FLAGS = 3;

export const COMMAND = { add: 0, modify_strict: 2, delete: 3, delete_strict: 4 } as const;

export const ACTION = {
  output: 0,
  push_vlan: 17,
  pop_vlan: 18,
  set_queue: 21,
  group: 22,
  dec_nw_ttl: 24,
  set_field: 25,
  experimenter: 0xffff,
} as const;

export const INSTRUCTION = { goto_table: 1, write_metadata: 2, write_actions: 3, apply_actions: 4, clear_actions: 5, meter: 6 } as const;

export const NX = {
  resubmit: 1,
  pop_queue: 5,
  reg_move: 6,
  reg_load: 7,
  note: 8,
  resubmit_table: 14,
  output_reg: 15,
  learn: 16,
  exit: 17,
  controller: 20,
  stack_push: 27,
  stack_pop: 28,
  reg_load2: 33,
  conjunction: 34,
  ct: 35,
  nat: 36,
  controller2: 37,
  clone: 42,
  ct_clear: 43,
  resubmit_table_ct: 44,
} as const;

export const LEARN = {
  send_flow_rem: 1,
  delete_learned: 2,
  from_value: 0x2000,
  to_match: 0,
  to_load: 0x0800,
  to_output: 0x1000,
  bits: 0x7ff,
} as const;

/** Of NX.controller2. */
export const CONTROLLER = { max_len: 0, id: 1, reason: 2, meter: 5 } as const;
/** Of the packets that an action hands over. */
export const REASON_ACTION = 1;

export const CT_FLAG = { commit: 1, force: 2 } as const;

export const NAT = {
  src: 1,
  dst: 2,
  persistent: 4,
  hash: 8,
  random: 16,
  ipv4_min: 1,
  ipv4_max: 2,
  ipv6_min: 4,
  ipv6_max: 8,
  proto_min: 16,
  proto_max: 32,
} as const;

export const METER_FLAG = { kbps: 1, pktps: 2, burst: 4, stats: 8 } as const;
export const METER_COMMAND = { add: 0, modify: 1, delete: 2 } as const;
