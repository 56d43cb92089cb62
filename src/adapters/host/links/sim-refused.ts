// A simulated kernel's refusal, in the words of iproute2.
export class Refused extends Error {}
