/** Words for people. The keys are the English texts; the server sends the translations. */

type Messages = Record<string, string | string[]>;
export type Vars = Record<string, string | number>;

// In the order in which gettext numbers the plural forms of a language.
const CATEGORIES = ['zero', 'one', 'two', 'few', 'many', 'other'] as const;

let messages: Messages = {};
let rules = new Intl.PluralRules('en');
let locale = 'en';

export function setLanguage(language: string, translations: Messages) {
  messages = translations;
  locale = language.replace('_', '-');
  rules = new Intl.PluralRules(locale);
}

export const language = () => locale;

export function fill(text: string, vars: Vars = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(vars[name] ?? whole));
}

export function t(text: string, vars?: Vars): string {
  const found = messages[text];
  return fill((Array.isArray(found) ? found[0] : found) || text, vars);
}

function formIndex(count: number): number {
  const used = rules.resolvedOptions().pluralCategories as readonly string[];
  return CATEGORIES.filter((category) => used.includes(category)).indexOf(rules.select(count));
}

/** The form for `count`, which is also there as {count}. */
export function tn(one: string, many: string, count: number, vars?: Vars): string {
  const forms = messages[one];
  const all = { count, ...vars };
  if (!Array.isArray(forms)) return fill(count === 1 ? one : many, all);
  return fill(forms[Math.min(formIndex(count), forms.length - 1)], all);
}
