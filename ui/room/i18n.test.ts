import { afterEach, expect, test } from 'vitest';
import { setLanguage, t, tn } from './i18n';

afterEach(() => setLanguage('en', {}));

test('a text without a translation is shown in English', () => {
  expect(t('Join lecture')).toBe('Join lecture');
});

test('an empty translation counts as none', () => {
  setLanguage('de', { 'Join lecture': '' });
  expect(t('Join lecture')).toBe('Join lecture');
});

test('values are put into the translated text', () => {
  setLanguage('de', { 'Screen of {name}': 'Bildschirm von {name}' });
  expect(t('Screen of {name}', { name: 'Ada' })).toBe('Bildschirm von Ada');
});

test('a value that is not given stays visible', () => {
  expect(t('Hello {name}')).toBe('Hello {name}');
});

test('English knows one and many', () => {
  expect([0, 1, 2].map((n) => tn('{count} person', '{count} people', n))).toEqual(['0 people', '1 person', '2 people']);
});

test('the plural form is chosen by the rules of the language', () => {
  setLanguage('pl', { '{count} person': ['{count} osoba', '{count} osoby', '{count} osób'] });
  expect([1, 2, 5, 22].map((n) => tn('{count} person', '{count} people', n))).toEqual(['1 osoba', '2 osoby', '5 osób', '22 osoby']);
});

test('a language with more categories than forms takes the last form', () => {
  setLanguage('fr', { '{count} person': ['{count} personne', '{count} personnes'] });
  expect([0, 1, 2].map((n) => tn('{count} person', '{count} people', n))).toEqual(['0 personne', '1 personne', '2 personnes']);
});
