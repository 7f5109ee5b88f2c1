// JSON whose numbers keep their digits, which JSON.parse would send through doubles.

/** A number by its digits. */
export class Digits {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const TOKEN = /\s*([{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\.)*"|true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/uy;

/** Reads a JSON text; throws a SyntaxError for any other. */
export function parse(text) {
  const reader = { text, at: 0 };
  const value = readValue(reader, take(reader));
  if (text.slice(reader.at).trim() !== '') throw new SyntaxError(`more than one value: ${text.slice(0, 100)}`);
  return value;
}

/** What `read` makes of a text; undefined if the text is no JSON. */
export function ifJson(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function take(reader) {
  TOKEN.lastIndex = reader.at;
  const found = TOKEN.exec(reader.text);
  if (!found) throw new SyntaxError(`no JSON at ${reader.at}: ${reader.text.slice(reader.at, reader.at + 40)}`);
  reader.at = TOKEN.lastIndex;
  return found[1];
}

function readValue(reader, token) {
  if (token === '{') return readObject(reader);
  if (token === '[') return readArray(reader);
  if (token === '}' || token === ']' || token === ',' || token === ':') throw new SyntaxError(`unexpected ${token}`);
  return /^[-\d]/.test(token) ? new Digits(token) : JSON.parse(token);
}

function readArray(reader) {
  const items = [];
  for (let token = take(reader); token !== ']'; token = take(reader)) {
    if (items.length > 0) {
      if (token !== ',') throw new SyntaxError(`expected a comma, found ${token}`);
      token = take(reader);
    }
    items.push(readValue(reader, token));
  }
  return items;
}

function readObject(reader) {
  const entries = [];
  for (let token = take(reader); token !== '}'; token = take(reader)) {
    if (entries.length > 0) {
      if (token !== ',') throw new SyntaxError(`expected a comma, found ${token}`);
      token = take(reader);
    }
    if (!token.startsWith('"') || take(reader) !== ':') throw new SyntaxError(`expected a key, found ${token}`);
    entries.push([JSON.parse(token), readValue(reader, take(reader))]);
  }
  return Object.fromEntries(entries);
}

/** Writes a value as JSON. */
export function stringify(value) {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${stringify(item)}`).join(',')}}`;
}

/** Whether two values are the same, numbers by their digits. */
export function same(left, right) {
  if (left instanceof Digits || right instanceof Digits) {
    return left instanceof Digits && right instanceof Digits && left.text === right.text;
  }
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, at) => same(item, right[at]));
  }
  if (!isObject(left)) return left === right;
  const keys = Object.keys(left);
  return isObject(right) && Object.keys(right).length === keys.length
    && keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
}

export function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Digits);
}
