import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Live } from '../live';
import { answering, openPage, timeline } from '../testing';
import { missing, pictureAt } from './bar';
import { Films } from './films';
import { film, pretendToPlay, TOLD } from './testing';

let page: HTMLElement;
let films: Films;
let player: ReturnType<typeof pretendToPlay>;

const video = () => page.querySelector('video')!;
const press = (key: string, target: Element = document.body) => target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
const click = (name: string) => page.querySelector<HTMLElement>(`[data-do="${name}"].film-button`)!.click();
const toasts = () => document.getElementById('toasts')!.textContent;
const playing = () => page.querySelector('.is-playing p')?.textContent;

function open(...sections: string[]) {
  films?.close();
  page = openPage(...sections);
  films = new Films(page);
}

beforeEach(() => {
  vi.useRealTimers();
  localStorage.clear();
  player = pretendToPlay();
  open(film(), timeline());
});

afterEach(() => films.close());

test('our controls take over, and the page says what there is', () => {
  expect(video().controls).toBe(false);
  expect(page.querySelector<HTMLElement>('.film-bar')!.hidden).toBe(false);
  expect(page.querySelector('.film-whole > span')!.textContent).toBe('2:40');
  expect([...page.querySelectorAll('.film-chapters a')].map((one) => one.getAttribute('href'))).toEqual(['#t=0:10', '#t=1:00']);
  expect(page.querySelectorAll('.film-tick, .film-gap')).toHaveLength(3);
  expect(page.querySelector('.is-playing')).toBeNull();
});

test('a moment of the lecture is that second of the file, and nothing begins to play', () => {
  films.goTo('#t=1:00');
  expect(video().currentTime).toBe(50);
  expect(video().paused).toBe(true);
  expect(playing()).toBe('Is the image a group too?');
  expect(toasts()).toBe('');
  films.goTo('#summary');
  expect(video().currentTime).toBe(50);
});

test('what plays goes on playing from there', () => {
  click('play');
  films.goTo('#t=1:00');
  expect(video().paused).toBe(false);
});

test('a moment that is not in the film leads to what comes next, and says so', () => {
  films.goTo('#t=3:00');
  expect(video().currentTime).toBe(100);
  expect(toasts()).toBe('This moment was not recorded.');
});

test('a click on the time that the address names already goes there again', () => {
  history.replaceState(null, '', '#t=1:00');
  page.querySelector<HTMLElement>('.timeline a[href="#t=1:00"]')!.click();
  expect(video().currentTime).toBe(50);
});

test('a place that was found leads there', () => {
  films.goToLine(page.querySelectorAll('.timeline p')[2]);
  expect(video().currentTime).toBe(50);
});

test('keys play it, unless somebody types', () => {
  press('k');
  expect(video().paused).toBe(false);
  press('l');
  press('ArrowRight');
  expect(video().currentTime).toBe(15);
  press('5');
  expect(video().currentTime).toBe(80);
  press('m');
  expect(video().muted).toBe(true);
  press('>');
  expect(video().playbackRate).toBe(1.5);
  press('k', document.querySelector('#lecture-search input')!);
  expect(video().paused).toBe(false);
  press(' ');
  expect(video().paused).toBe(true);
});

test('keys of the page are the player’s only while the film can be seen', () => {
  player.seen.tell(0);
  press(' ');
  expect(video().paused).toBe(true);
});

test('who reads on below keeps it small, until it is put away', () => {
  const shown = page.querySelector('.film')!;
  player.seen.tell(0);
  expect(shown.classList.contains('is-mini')).toBe(false);
  click('play');
  expect(shown.classList.contains('is-mini')).toBe(true);
  player.seen.tell(1);
  expect(shown.classList.contains('is-mini')).toBe(false);
  player.seen.tell(0.1);
  click('away');
  expect(shown.classList.contains('is-mini')).toBe(false);
  expect(video().paused).toBe(true);
});

test('a chapter leads there and leaves the reader where they are', () => {
  page.querySelectorAll<HTMLElement>('.film-chapters a')[1].click();
  expect(video().currentTime).toBe(50);
  expect(location.hash).toBe('');
  expect(page.querySelector('.film-chapter-now')!.textContent).toBe('Kernels');
  expect(page.querySelectorAll('.film-chapters [aria-current]')).toHaveLength(1);
});

test('speed and captions are remembered', () => {
  press('>');
  press('c');
  open(film(), timeline());
  expect(video().playbackRate).toBe(1.5);
  expect(page.querySelector('[data-do="captions"]')!.getAttribute('aria-pressed')).toBe('true');
});

test('where one stopped is offered, but not to who comes for a moment', () => {
  localStorage.setItem('film:/lectures/x', '75');
  const offered = () => !page.querySelector<HTMLElement>('.film-resume')!.hidden;
  films.begin('#t=1:00');
  expect(offered()).toBe(false);
  open(film(), timeline());
  films.begin('');
  const button = page.querySelector<HTMLElement>('.film-resume')!;
  expect(button.textContent).toBe('Continue at 1:15');
  button.click();
  expect(video().currentTime).toBe(75);
  expect(video().paused).toBe(false);
  expect(offered()).toBe(false);
});

test('a film that breaks off goes on at the same second, twice in a minute, then asks', () => {
  click('play');
  films.goTo('#t=1:00');
  const fault = page.querySelector<HTMLElement>('.film-fault')!;
  const fail = () => {
    video().dispatchEvent(new Event('error'));
    video().currentTime = 0;
    video().dispatchEvent(new Event('loadedmetadata'));
  };
  for (let time = 1; time <= 2; time++) {
    fail();
    expect(player.load).toHaveBeenCalledTimes(time);
    expect(video().src).toContain('/files/film?again=');
    expect(video().currentTime).toBe(50);
    expect(video().paused).toBe(false);
    expect(fault.hidden).toBe(true);
  }
  video().dispatchEvent(new Event('error'));
  expect(player.load).toHaveBeenCalledTimes(2);
  expect(fault.hidden).toBe(false);
  expect(fault.textContent).toContain('broke off');
  fault.querySelector<HTMLElement>('[data-do="again"]')!.click();
  expect(player.load).toHaveBeenCalledTimes(3);
  expect(fault.hidden).toBe(true);
});

test('a film that came and broke off before the script came is fetched anew; one that never came says so', () => {
  const before = (readyState: number) => {
    films.close();
    page = openPage(film(), timeline());
    Object.defineProperties(video(), { readyState: { value: readyState }, error: { value: { code: 2 } } });
    films = new Films(page);
    return page.querySelector<HTMLElement>('.film-fault')!;
  };
  expect(before(1).hidden).toBe(true);
  expect(video().src).toContain('/files/film?again=');
  expect(before(0).textContent).toContain('could not be loaded');
});

test('a browser that cannot play it says so', () => {
  vi.spyOn(HTMLMediaElement.prototype, 'canPlayType').mockReturnValue('');
  open(film(), timeline());
  expect(page.querySelector('.film-fault')!.textContent).toContain('can’t play the film (WebM, VP9)');
  expect(page.querySelector('.film-fault')!.textContent).not.toContain('download');
  expect(page.querySelector<HTMLElement>('.film-bar')!.hidden).toBe(true);
  press('k');
  expect(video().paused).toBe(true);
  const offered = film().replace('<button data-do="again">', '<a href="/files/film" download>Download</a><button data-do="again">');
  open(offered, timeline());
  expect(page.querySelector('.film-fault')!.textContent).toContain('or download the film');
});

test('the page scrolls along while Follow is on, and no more once somebody scrolls', () => {
  const button = page.querySelector<HTMLElement>('[data-do="follow"]')!;
  expect(button.hidden).toBe(false);
  const scroll = vi.spyOn(window, 'scrollBy').mockImplementation(() => undefined);
  Element.prototype.getBoundingClientRect = () => ({ top: 2000, bottom: 2020, left: 0, width: 100 }) as DOMRect;
  click('play');
  films.goTo('#t=1:00');
  expect(scroll).not.toHaveBeenCalled();
  button.click();
  expect(button.getAttribute('aria-pressed')).toBe('true');
  expect(scroll).toHaveBeenCalledTimes(1);
  page.dispatchEvent(new Event('wheel', { bubbles: true }));
  expect(button.getAttribute('aria-pressed')).toBe('false');
  films.goTo('#t=0:05');
  expect(scroll).toHaveBeenCalledTimes(1);
});

test('without a transcript there is nothing to follow', () => {
  open(film());
  expect(page.querySelector<HTMLElement>('[data-do="follow"]')!.hidden).toBe(true);
});

const parts = (section: string) =>
  `<p id="lecture-facts"></p><div id="lecture-making"></div><nav id="lecture-jump"></nav><div id="lecture-sections">${section}</div>`;

test('what is told anew of the same file leaves it playing; another file is another film', async () => {
  const live = new Live(page, () => films.look());
  page.querySelector('#talk')!.remove();
  click('play');
  const before = video();
  const chapters = [[0, 'Groups'], [50, 'Kernels'], [80, 'Cosets']] as const;
  answering({ '/lectures/x/parts?have=f1': parts(film({ chapters }, 'f2')) });
  await live.look();
  expect(video()).toBe(before);
  expect(page.querySelectorAll('.film-chapters a')).toHaveLength(3);
  answering({ '/lectures/x/parts?have=f2': parts(film({}, 'f3', '/files/other')) });
  await live.look();
  expect(video()).not.toBe(before);
  expect(video().controls).toBe(false);
});

test('the picture of a second is one of the sprite', () => {
  const { thumbnails } = TOLD;
  expect(pictureAt(thumbnails!, 0)).toEqual({ x: 0, y: 0 });
  expect(pictureAt(thumbnails!, 69)).toEqual({ x: 160, y: 90 });
  expect(pictureAt(thumbnails!, 9999)).toEqual({ x: 0, y: 270 });
});

test('what is missing is said in seconds or minutes', () => {
  expect([missing(1), missing(45), missing(190)]).toEqual([
    '1 second was not recorded', '45 seconds were not recorded', '3 minutes were not recorded',
  ]);
});
