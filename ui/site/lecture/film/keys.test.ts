import { expect, test } from 'vitest';
import { actionOf, whereIs, type Where } from './keys';

test.each([
  [' ', 'page', { do: 'play' }],
  ['K', 'page', { do: 'play' }],
  ['j', 'player', { do: 'by', seconds: -10 }],
  ['l', 'line', { do: 'by', seconds: 10 }],
  ['ArrowRight', 'page', { do: 'by', seconds: 5 }],
  ['ArrowUp', 'player', { do: 'louder', by: 0.1 }],
  ['ArrowUp', 'slider', { do: 'by', seconds: 5 }],
  ['PageDown', 'slider', { do: 'by', seconds: -60 }],
  ['End', 'slider', { do: 'part', of: 1 }],
  ['7', 'button', { do: 'part', of: 0.7 }],
  ['>', 'page', { do: 'faster', by: 1 }],
  ['f', 'button', { do: 'full' }],
])('%j at the %s', (key, where, action) => {
  expect(actionOf({ key }, where as Where)).toEqual(action);
});

test.each([
  // The page scrolls by these, a line leads on to the next, a button is pressed by the space bar.
  ['ArrowDown', 'page'],
  ['Home', 'page'],
  ['ArrowDown', 'line'],
  [' ', 'button'],
  ['k', 'field'],
  ['7', 'field'],
  ['x', 'player'],
  ['k', null],
])('%j at the %s is not the player’s', (key, where) => {
  expect(actionOf({ key }, where as Where | null)).toBeNull();
});

test('what the browser or the system has keys for stays theirs', () => {
  for (const held of ['ctrlKey', 'metaKey', 'altKey']) expect(actionOf({ key: 'f', [held]: true }, 'page')).toBeNull();
});

test('where the focus is', () => {
  document.body.innerHTML = `<main id="main"></main><input id="search"><ol class="timeline"><li><a href="#t=1">1</a></li></ol><a id="other" href="/"></a>
    <div id="player"><video></video><input class="film-seek"><input class="film-volume"><select></select><button></button></div>`;
  const player = document.getElementById('player')!;
  const at = (selector: string) => whereIs(document.querySelector(selector), player);
  expect([at('body'), at('#main'), at('.timeline a'), at('video')]).toEqual(['page', 'page', 'line', 'player']);
  expect([at('.film-seek'), at('.film-volume'), at('select'), at('button')]).toEqual(['slider', 'field', 'field', 'button']);
  expect([at('#search'), at('#other'), whereIs(null, player)]).toEqual([null, null, null]);
});
