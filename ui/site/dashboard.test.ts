import { expect, test } from 'vitest';
import { show } from './dashboard';

const ROOM = { id: 'a', title: 'Graphs', url: '/r/a', people: '3 people', since: 'since 09:00' };

function page() {
  document.body.innerHTML = `<div>
    <section data-banner hidden><h2 data-title></h2><p data-people></p><p data-since></p><a data-join href="/"></a></section>
    <ul><li data-room="a"><p data-people></p><p data-since></p></li><li data-room="b"><p data-people></p></li></ul>
  </div>`;
  return document.body.firstElementChild as HTMLElement;
}

test('a room that goes live is shown as live, in its card and in the banner', () => {
  const shown = page();
  show(shown, [ROOM]);
  const card = shown.querySelector('[data-room=a]');
  expect(card?.hasAttribute('data-live')).toBe(true);
  expect(card?.querySelector('[data-people]')?.textContent).toBe('3 people');
  expect(shown.querySelector('[data-room=b]')?.hasAttribute('data-live')).toBe(false);
  const banner = shown.querySelector<HTMLElement>('[data-banner]');
  expect(banner?.hidden).toBe(false);
  expect(banner?.querySelector('[data-title]')?.textContent).toBe('Graphs');
  expect(banner?.querySelector('[data-join]')?.getAttribute('href')).toBe('/r/a');
});

test('a title with a tag in it stays text', () => {
  const shown = page();
  show(shown, [{ ...ROOM, title: '<img src=x>' }]);
  expect(shown.querySelector('img')).toBeNull();
});

test('when the lecture ends nothing looks live any more', () => {
  const shown = page();
  show(shown, [ROOM]);
  show(shown, []);
  expect(shown.querySelector('[data-live]')).toBeNull();
  expect(shown.querySelector<HTMLElement>('[data-banner]')?.hidden).toBe(true);
});

test('a live room on another page of the list still has the banner', () => {
  const shown = page();
  show(shown, [{ ...ROOM, id: 'elsewhere' }]);
  expect(shown.querySelector('[data-live]')).toBeNull();
  expect(shown.querySelector<HTMLElement>('[data-banner]')?.hidden).toBe(false);
});
