import { expect, test } from 'vitest';
import { find, fold, LONGEST_QUERY, readQuery } from './query';

function terms(said: string): string[] {
  const query = readQuery(said);
  return 'terms' in query ? query.terms : [query.problem];
}

function marked(text: string, said: string): string[] {
  return find(fold(text), terms(said)).map(([start, end]) => text.slice(start, end));
}

test('words are looked for one by one, what stands in quotes as a whole', () => {
  expect(terms('  Group  theory ')).toEqual(['group', 'theory']);
  expect(terms('"normal  Subgroup" kernel “as such”')).toEqual(['normal subgroup', 'kernel', 'as such']);
  expect(terms('it is it')).toEqual(['it', 'is']);
});

test.each(['', '   ', '"', '""', '“ ”', '"""" "'])('nothing to look for in %j', (said) => {
  expect(terms(said)).toEqual(['empty']);
});

test('a quote that is never closed is not in the way', () => {
  expect(terms('"open end')).toEqual(['open', 'end']);
});

test('ten thousand characters are too many, 200 are not', () => {
  expect(terms('x'.repeat(10_000))).toEqual(['long']);
  expect(terms('x'.repeat(LONGEST_QUERY))).toHaveLength(1);
});

test('all words must be there, each is marked wherever it stands', () => {
  expect(marked('A group acts on a group of groups', 'group acts')).toEqual(['group', 'acts', 'group', 'group']);
  expect(marked('A group', 'group acts')).toEqual([]);
});

test('case and accents make no difference, and marks stand where the letters do', () => {
  expect(marked('Die Größe der Élite', 'grosse')).toEqual([]);
  expect(marked('Die Größe der Élite', 'grÖße elite')).toEqual(['Größe', 'Élite']);
  expect(marked('cafe\u0301 au lait', 'café')).toEqual(['cafe\u0301']);
  expect(marked('ﬁnite ﬁelds', 'field')).toEqual(['ﬁeld']);
  expect(marked('𝐆roup 空集合 İstanbul', 'group 集 istanbul')).toEqual(['𝐆roup', '集', 'İstanbul']);
});

test('ranges that overlap are one', () => {
  expect(marked('automaton', 'auto tomaton')).toEqual(['automaton']);
});

test('signs of regular expressions are letters like others', () => {
  expect(marked('f(x) = .* [a]', '.* (x)')).toEqual(['(x)', '.*']);
});
