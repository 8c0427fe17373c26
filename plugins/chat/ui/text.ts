/** Typed text in parts: words, links, code. What becomes of them are elements, never HTML. */
export type Part = { kind: 'text' | 'code' | 'block'; text: string } | { kind: 'link'; text: string; href: string };

const BLOCK = /```(?:[\w+-]*\n)?([\s\S]*?)```/g;
const CODE = /(?<!`)`([^`\n]+)`(?!`)/g;
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"`]+/gi;
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);
const PAIRS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

type Cut = (text: string) => Part[];

/** Splits by a pattern; what it finds becomes `made`, what stands between goes on to `rest`. */
function split(text: string, pattern: RegExp, made: (found: RegExpExecArray) => Part[], rest: Cut): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    parts.push(...rest(text.slice(from, found.index)), ...made(found));
    from = found.index + found[0].length;
  }
  return [...parts, ...rest(text.slice(from))];
}

const words: Cut = (text) => (text ? [{ kind: 'text', text }] : []);

/** Without the full stop or the bracket that ends the sentence, not the address. */
function withoutTail(address: string): string {
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    const open = PAIRS[last];
    const isPaired = open && address.slice(0, end).split(open).length >= address.slice(0, end).split(last).length;
    if (isPaired || !/[.,;:!?'…)\]}]/.test(last)) break;
  }
  return address.slice(0, end);
}

function link(address: string): Part[] {
  const text = withoutTail(address);
  const tail = words(address.slice(text.length));
  try {
    const { href, protocol, hostname, pathname } = new URL(text);
    const leads = protocol === 'mailto:' ? pathname.includes('@') : hostname !== '';
    if (SCHEMES.has(protocol) && leads) return [{ kind: 'link', text, href }, ...tail];
  } catch {
    // No address after all.
  }
  return [...words(text), ...tail];
}

const withLinks: Cut = (text) => split(text, ADDRESS, ([found]) => link(found), words);
const withCode: Cut = (text) => split(text, CODE, ([, code]) => [{ kind: 'code', text: code }], withLinks);

/** Joined where two pieces of plain words follow each other. */
function joined(parts: Part[]): Part[] {
  return parts.reduce<Part[]>((made, part) => {
    const last = made.at(-1);
    if (last?.kind === 'text' && part.kind === 'text') return [...made.slice(0, -1), { kind: 'text', text: last.text + part.text }];
    return [...made, part];
  }, []);
}

export function partsOf(text: string): Part[] {
  return joined(split(text, BLOCK, ([, code]) => [{ kind: 'block', text: code.replace(/\n$/, '') }], withCode));
}
