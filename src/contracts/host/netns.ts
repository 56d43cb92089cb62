// A network namespace by name, as `ip netns` knows it. The empty string is the host's own.

export type Netns = string;
export const hostNetns: Netns = '';

/** One change of a batch that the kernel refused: the change's index in the batch, and the kernel's words. */
export interface Refusal {
  readonly index: number;
  readonly reason: string;
}
