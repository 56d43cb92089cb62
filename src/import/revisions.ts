// Revisions of Neutron's schema. Since Newton the contracting branch has had one head; the expanding one moves with the releases.
export const contractHead = '5c85685d616d';
export const expandHead = '5881373af7f5';

/** The expanding heads of releases before. */
const releases: Readonly<Record<string, string>> = {
  '5cd92597d11d': 'Newton',
  a9c43481023c: 'Ocata',
  '7d32f979895f': 'Pike',
  '594422d373ee': 'Queens',
  '867d39095bf4': 'Rocky',
  '9bfad3f1e780': 'Stein',
  c613d0b82681: 'Train',
  d8bdf05313f4: 'Ussuri',
  I38991de2b4: 'Victoria',
  '6135a7bd4425': 'Wallaby',
  '1bb3393de75d': 'Xena',
  '34cf8b009713': 'Yoga',
  [expandHead]: 'Zed',
  [contractHead]: 'Newton and later',
};

export const releaseOf = (revision: string): string => releases[revision] ?? 'not known: of a later release, or between two';
