import { expect, test } from 'vitest';
import { partsOf } from './text';

const links = (text: string) => partsOf(text).filter((part) => part.kind === 'link').map((part) => [part.text, part.href]);
const shape = (text: string) => partsOf(text).map(({ kind, text: words }) => [kind, words]);

test('addresses become links, without the sentence around them', () => {
  expect(shape('See https://uni.example/a?b=1#c, or (http://x.example/(1)).')).toEqual([
    ['text', 'See '],
    ['link', 'https://uni.example/a?b=1#c'],
    ['text', ', or ('],
    ['link', 'http://x.example/(1)'],
    ['text', ').'],
  ]);
  expect(links('mailto:ada@uni.example')).toEqual([['mailto:ada@uni.example', 'mailto:ada@uni.example']]);
});

test.each(['javascript:alert(1)', 'JaVaScRiPt://%0aalert(1)', 'data:text/html,<script>', 'vbscript:x', 'file:///etc/passwd', 'http://', 'mailto:nobody', '//evil.example', 'java\nscript:alert(1)'])(
  'what leads nowhere good is no link: %s',
  (text) => expect(links(text)).toEqual([]),
);

test('a name that only looks like another shows as what it is', () => {
  expect(links('https://unі.example/')).toEqual([['https://unі.example/', 'https://xn--un-ioc.example/']]);
});

test('code stays as it was typed, with nothing clickable in it', () => {
  expect(shape('Try `rm -rf https://x.example` or\n```py\nif x:\n    `y`\n```\nok')).toEqual([
    ['text', 'Try '],
    ['code', 'rm -rf https://x.example'],
    ['text', ' or\n'],
    ['block', 'if x:\n    `y`'],
    ['text', '\nok'],
  ]);
  expect(shape('```one line```')).toEqual([['block', 'one line']]);
  expect(shape('a ` b ``` c')).toEqual([['text', 'a ` b ``` c']]);
});

test('HTML is text', () => {
  expect(shape('<b onclick=x>hi</b> &amp;')).toEqual([['text', '<b onclick=x>hi</b> &amp;']]);
});

test('four thousand characters of anything take no time', () => {
  for (const piece of ['`', '```', 'http://a', '(', 'https://x.example/(', '[', 'mailto:', '.,', '`a`']) {
    const text = piece.repeat(4000 / piece.length);
    const begun = performance.now();
    expect(partsOf(text).map((part) => part.text).join('').length).toBeGreaterThan(0);
    expect(performance.now() - begun).toBeLessThan(1000);
  }
});
