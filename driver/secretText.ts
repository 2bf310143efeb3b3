/** A text as a secret would be read in it, with the place in the original of every character. */
export interface PlainText {
  text: string;
  starts: number[];
  ends: number[];
}

/** What a reader of a log would undo without thinking: URL encoding, JSON escapes, line breaks. */
const ESCAPED = /%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\[nrt]|\\(["\\/])|\s+/gi;

/**
 * Undoes what hides a secret without changing it: URL encoding, JSON escapes, white space within it (a key broken into
 * lines), and the alphabet of URL-safe base64.
 */
export function plainText(original: string): PlainText {
  const plain: PlainText = { text: '', starts: [], ends: [] };
  let from = 0;
  for (const match of original.matchAll(ESCAPED)) {
    copy(plain, original, from, match.index);
    from = match.index + match[0].length;
    const code = match[1] ?? match[2];
    const character = code === undefined ? match[3] : String.fromCharCode(Number.parseInt(code, 16));
    if (character !== undefined && character.trim() !== '') put(plain, character, match.index, from);
  }
  copy(plain, original, from, original.length);
  return plain;
}

function copy(plain: PlainText, original: string, from: number, to: number): void {
  for (let index = from; index < to; index += 1) put(plain, original.charAt(index), index, index + 1);
}

function put(plain: PlainText, character: string, start: number, end: number): void {
  plain.text += character === '-' ? '+' : character === '_' ? '/' : character;
  plain.starts.push(start);
  plain.ends.push(end);
}

/** The texts by which a value shows: as it is, decoded where it is base64 itself, in base64 at each alignment, in hex. */
export function forms(value: string): string[] {
  const plain = [value, ...decoded(value)].map((text) => text.replaceAll(/-----[A-Z ]+-----/g, ''));
  const texts = new Set([value, ...plain, ...plain.map((text) => text.trim())]);
  const bytes = [...texts].map((text) => Buffer.from(text));
  const encoded = bytes.flatMap((data) => [...[0, 1, 2].map((shift) => base64At(data, shift)), data.toString('hex')]);
  return [...plain, ...encoded, ...encoded.filter((text) => /^[0-9a-f]+$/.test(text)).map((hex) => hex.toUpperCase())];
}

function decoded(value: string): string[] {
  if (value.length < 24 || !/^[A-Za-z0-9+/=\s]+$/.test(value)) return [];
  const text = Buffer.from(value, 'base64').toString('utf8');
  return /^[\x20-\x7e\s]+$/.test(text) ? [text] : [];
}

/** Characters that every base64 text with the data at this offset has; those at its ends depend on its neighbours. */
function base64At(data: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), data])
    .toString('base64')
    .replaceAll('=', '');
  const end = (shift + data.length) % 3 === 0 ? text.length : text.length - 1;
  return text.slice(shift === 0 ? 0 : shift + 1, end);
}
