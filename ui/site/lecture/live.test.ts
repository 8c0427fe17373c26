import { expect, test, vi } from 'vitest';
import { Live } from './live';
import { answering, line, openPage, prose, TALK, texts, timeline } from './testing';

const parts = (...sections: string[]) =>
  `<p id="lecture-facts">3 people</p><div id="lecture-making"><p>The summary is being made …</p></div>
   <nav id="lecture-jump"><ol><li><a href="#talk">Transcript</a></li></ol></nav><div id="lecture-sections">${sections.join('')}</div>`;
const same = (id: string, digest: string) => `<section id="${id}" data-digest="${digest}" data-same></section>`;

async function look(page: HTMLElement, address: string, answer: string | number) {
  const asked = answering({ [address]: answer });
  const changed = vi.fn();
  await new Live(page, changed).look();
  expect(asked).toEqual([address]);
  return changed;
}

test('what is the same is not touched, what is new stands at its place, what is gone goes', async () => {
  const page = openPage(prose('Old.'), timeline(), prose('Gone.', 'g1', 'gone'));
  const list = page.querySelector('ol.timeline');
  const changed = await look(
    page,
    '/lectures/x/parts?have=p1.d1.g1',
    parts(prose('New.', 'p2'), prose('Topics.', 't1', 'topics'), same('talk', 'd1')),
  );
  expect([...page.querySelectorAll('.lecture-section')].map((one) => one.id)).toEqual(['summary', 'topics', 'talk']);
  expect(page.querySelector('#summary p')?.textContent).toBe('New.');
  expect(page.querySelector('ol.timeline')).toBe(list);
  expect(document.getElementById('lecture-making')?.textContent).toBe('The summary is being made …');
  expect(document.getElementById('lecture-facts')?.textContent).toBe('3 people');
  expect(page.querySelector('nav a')?.textContent).toBe('Transcript');
  expect(changed).toHaveBeenCalledTimes(1);
});

test('focus stays where it was in a section that is made anew', async () => {
  const page = openPage(prose('Old.'));
  page.querySelector<HTMLElement>('#summary a')!.focus();
  await look(page, '/lectures/x/parts?have=p1', parts(prose('New.', 'p2')));
  expect(document.activeElement?.getAttribute('href')).toBe('/edit');
  expect(document.activeElement?.isConnected).toBe(true);
});

test('a corrected line changes, the rest that was loaded stays until it has come anew', async () => {
  const page = openPage(timeline());
  const last = page.querySelectorAll('.timeline > li')[3];
  const lines = line({ ...TALK[0], text: 'Good morning! A group acts.' }) + line(TALK[1]);
  await look(page, '/lectures/x/parts?have=d1', parts(timeline({ lines, more: 4, digest: 'd2' })));
  expect(texts(page)).toEqual(['Good morning! A group acts.', ...TALK.slice(1).map((one) => one.text)]);
  expect(page.querySelectorAll('.timeline > li')[3]).toBe(last);
  expect(page.querySelector<HTMLElement>('.timeline-more')?.dataset.from).toBe('2');
  expect(page.querySelector<HTMLElement>('#talk')?.dataset.digest).toBe('d2');
});

test('a timeline that is shorter now loses its last lines', async () => {
  const page = openPage(timeline());
  await look(page, '/lectures/x/parts?have=d1', parts(timeline({ lines: line(TALK[0]), digest: 'd2' })));
  expect(texts(page)).toEqual([TALK[0].text]);
});

test('who may not read it any more, and a server that is down, change nothing', async () => {
  for (const status of [404, 503]) {
    const page = openPage(prose('Old.'));
    const changed = await look(page, '/lectures/x/parts?have=p1', status);
    expect(page.querySelector('#summary p')?.textContent).toBe('Old.');
    expect(changed).not.toHaveBeenCalled();
  }
});

test('news that come while it looks make it look once more', async () => {
  const page = openPage(prose('Old.'));
  const asked = answering({ '/lectures/x/parts?have=p1': parts(prose('New.', 'p2')), '/lectures/x/parts?have=p2': parts(same('summary', 'p2')) });
  const live = new Live(page, () => undefined);
  await Promise.all([live.look(), live.look(), live.look()]);
  expect(asked).toEqual(['/lectures/x/parts?have=p1', '/lectures/x/parts?have=p2']);
});

class FakeSource extends EventTarget {
  static made: FakeSource[] = [];
  onerror: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    super();
    FakeSource.made.push(this);
  }
  close() {
    this.closed = true;
  }
}

test('a stream that breaks is opened again, until the lecture may not be read any more', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', FakeSource);
  const page = openPage(prose('Old.'));
  const asked = answering({});
  const live = new Live(page, () => undefined);
  live.listen('/stream');
  for (let turn = 0; turn < 3; turn++) {
    expect(FakeSource.made).toHaveLength(turn + 1);
    FakeSource.made[turn].onerror!();
    await vi.advanceTimersByTimeAsync(30_000);
  }
  expect(asked).toHaveLength(1);
  expect(FakeSource.made).toHaveLength(3);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
