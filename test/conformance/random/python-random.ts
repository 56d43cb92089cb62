// The numbers of Python's `random.Random(seed)` (the Mersenne Twister MT19937), so that a seed means the sequence it meant when its answers were recorded.
const size = 624;
const shift = 397;

export class PythonRandom {
  private readonly state = new Uint32Array(size);
  private index = size;

  constructor(seed: number) {
    this.fill(19_650_218);
    this.stir(wordsOf(seed));
  }

  /** From 0 up to 1, of 53 bits. */
  random(): number {
    const [high, low] = [this.next() >>> 5, this.next() >>> 6];
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    const bits = 32 - Math.clz32(end);
    for (;;) {
      const number = this.next() >>> (32 - bits);
      if (number < end) return number;
    }
  }

  /** A whole number from `start` on, below `end`. */
  between(start: number, end: number): number {
    return start + this.below(end - start);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  private at(index: number): number {
    return this.state[index % size] as number;
  }

  private fill(seed: number): void {
    this.state[0] = seed;
    for (let i = 1; i < size; i++) this.state[i] = Math.imul(1_812_433_253, this.mixed(i - 1)) + i;
  }

  private mixed(index: number): number {
    const word = this.at(index);
    return word ^ (word >>> 30);
  }

  private stir(key: readonly number[]): void {
    let i = 1;
    const step = (factor: number, add: number): void => {
      this.state[i] = (this.at(i) ^ Math.imul(this.mixed(i - 1), factor)) + add;
      i++;
      if (i < size) return;
      this.state[0] = this.at(size - 1);
      i = 1;
    };
    for (let n = 0; n < Math.max(size, key.length); n++) step(1_664_525, (key[n % key.length] as number) + (n % key.length));
    for (let n = 0; n < size - 1; n++) step(1_566_083_941, -i);
    this.state[0] = 0x8000_0000;
  }

  private next(): number {
    if (this.index >= size) this.refill();
    let word = this.at(this.index++);
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  private refill(): void {
    for (let i = 0; i < size; i++) {
      const joined = (this.at(i) & 0x8000_0000) | (this.at(i + 1) & 0x7fff_ffff);
      this.state[i] = this.at(i + shift) ^ (joined >>> 1) ^ (joined & 1 ? 0x9908_b0df : 0);
    }
    this.index = 0;
  }
}

function wordsOf(seed: number): number[] {
  const words = [];
  for (let rest = Math.abs(seed); rest > 0; rest = Math.floor(rest / 2 ** 32)) words.push(rest >>> 0);
  return words.length > 0 ? words : [0];
}
