// What a test leaves to chance, so that a seed repeats it.

/** The seed that `TEST_SEED` names, or a new one. It is printed, for the case that the test fails. */
export function seed() {
  const seed = process.env.TEST_SEED ? Number(process.env.TEST_SEED) : Math.floor(Math.random() * 2 ** 32);
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED is ${process.env.TEST_SEED}: say a number`);
  console.log(`TEST_SEED=${seed}`);
  return seed;
}

/** mulberry32: small, and good enough to choose by. */
export class Chance {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** From 0 to 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} low @param {number} high */
  between(low, high) {
    return low + this.next() * (high - low);
  }

  /** @template T @param {T[]} choices */
  oneOf(choices) {
    return choices[Math.floor(this.next() * choices.length)];
  }

  /** One for somebody else, who chooses otherwise. */
  split() {
    return new Chance(this.next() * 2 ** 32);
  }
}
