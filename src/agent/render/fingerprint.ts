// A short name for a text, to tell whether the kernel holds the same one. Not a cryptographic hash.

/** 64 bits of FNV-1a over the UTF-16 code units, as 16 hex digits. */
export function fingerprint(text: string): string {
  let low = 0x2325;
  let mid = 0x8422;
  let high = 0x9ce4;
  let top = 0xcbf2;
  for (let i = 0; i < text.length; i++) {
    low ^= text.charCodeAt(i);
    // Times the FNV prime 0x100000001b3, in four limbs of 16 bits.
    const a = low * 0x1b3;
    const b = mid * 0x1b3 + (a >>> 16);
    const c = high * 0x1b3 + low * 0x100 + (b >>> 16);
    const d = top * 0x1b3 + mid * 0x100 + (c >>> 16);
    low = a & 0xffff;
    mid = b & 0xffff;
    high = c & 0xffff;
    top = d & 0xffff;
  }
  return [top, high, mid, low].map(limb => limb.toString(16).padStart(4, '0')).join('');
}
