import { expect, test } from 'vitest';
import { concerns, show, showCut, type Line, type News } from './monitor';

const LINE: Line = { id: 'a', at: 100, title: 'Graphs', host: 'Ada', people: '3', waiting: '0', since: '09:00', agent: '', signs: [], weak: '', node: '' };
const ROW = `<tr data-lecture="" data-at=""><td><a data-link href="/"><b data-title></b></a></td><td data-host></td>
  <td data-people></td><td data-waiting></td><td data-since></td><td data-agent></td>
  <td><span data-signs></span><span data-weak></span><code data-node></code></td></tr>`;

const news = (more: Partial<News>): News => ({ all: false, rows: [], gone: [], total: '', ...more });

function page(...lines: Line[]) {
  document.body.innerHTML = `<div><p data-total></p><p data-cut hidden></p><div data-list hidden>
    <table><tbody data-rows></tbody></table></div><div data-none></div><template data-line>${ROW}</template></div>`;
  const made = document.body.firstElementChild as HTMLElement;
  show(made, news({ all: true, rows: lines }));
  return made;
}

const titles = (shown: HTMLElement) => [...shown.querySelectorAll('[data-rows] [data-title]')].map((one) => one.textContent);

test('a lecture that starts gets a line, the newest first, with a way into it', () => {
  const shown = page(LINE, { ...LINE, id: 'c', at: 50, title: 'Chemistry' });
  show(shown, news({ rows: [{ ...LINE, id: 'b', at: 80, title: 'Biology' }, { ...LINE, id: 'd', at: 200, title: 'Drama' }] }));
  expect(titles(shown)).toEqual(['Drama', 'Graphs', 'Biology', 'Chemistry']);
  expect(shown.querySelector('[data-lecture=b] a')?.getAttribute('href')).toBe('/admin/live/b');
  expect(shown.querySelector<HTMLElement>('[data-list]')?.hidden).toBe(false);
  expect(shown.querySelector<HTMLElement>('[data-none]')?.hidden).toBe(true);
});

test('a line that changes is the same line with another number, and the others stay', () => {
  const shown = page(LINE, { ...LINE, id: 'b', at: 50 });
  const before = [...shown.querySelectorAll('[data-rows] tr')];
  show(shown, news({ rows: [{ ...LINE, people: '4' }], total: '2 lectures' }));
  expect([...shown.querySelectorAll('[data-rows] tr')]).toEqual(before);
  expect(shown.querySelector('[data-lecture=a] [data-people]')?.textContent).toBe('4');
  expect(shown.querySelector('[data-total]')?.textContent).toBe('2 lectures');
});

test('what plugins say of a lecture stands beside it, trouble in another colour, and goes with it', () => {
  const shown = page(LINE);
  show(shown, news({ rows: [{ ...LINE, signs: [['Recording failed', true], ['Captions', false]], weak: '2 weak connections', node: 'ND_one' }] }));
  const badges = [...shown.querySelectorAll('[data-signs] .badge')];
  expect(badges.map((one) => one.textContent)).toEqual(['Recording failed', 'Captions']);
  expect(badges.map((one) => one.classList.contains('badge-warn'))).toEqual([true, false]);
  expect(shown.querySelector('[data-weak]')?.textContent).toBe('2 weak connections');
  expect(shown.querySelector('[data-node]')?.textContent).toBe('ND_one');
  show(shown, news({ rows: [LINE] }));
  expect(shown.querySelector('[data-signs]')?.children.length).toBe(0);
});

test('what has ended goes, and with the last one the words for none come', () => {
  const shown = page(LINE);
  show(shown, news({ gone: ['a', 'never here'] }));
  expect(titles(shown)).toEqual([]);
  expect(shown.querySelector<HTMLElement>('[data-none]')?.hidden).toBe(false);
  expect(shown.querySelector<HTMLElement>('[data-list]')?.hidden).toBe(true);
});

test('after a break the whole state takes away what has ended meanwhile', () => {
  const shown = page(LINE, { ...LINE, id: 'b', title: 'Biology' });
  show(shown, news({ all: true, rows: [{ ...LINE, id: 'b', title: 'Biology' }] }));
  expect(titles(shown)).toEqual(['Biology']);
});

test('a title with a tag in it stays text', () => {
  expect(page({ ...LINE, title: '<img src=x>' }).querySelector('img')).toBeNull();
});

test('a cut connection is said', () => {
  const shown = page();
  showCut(shown, true);
  expect(shown.querySelector<HTMLElement>('[data-cut]')?.hidden).toBe(false);
  showCut(shown, false);
  expect(shown.querySelector<HTMLElement>('[data-cut]')?.hidden).toBe(true);
});

test('a look into one follows that one only', () => {
  expect(concerns('a', news({ rows: [LINE] }))).toBe('changed');
  expect(concerns('b', news({ rows: [LINE] }))).toBe('nothing');
  expect(concerns('a', news({ gone: ['a'] }))).toBe('gone');
  expect(concerns('b', news({ all: true, rows: [LINE] }))).toBe('gone');
});
