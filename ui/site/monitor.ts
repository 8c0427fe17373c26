/** The live monitor of administrators: lines come, change and go as the server tells; so does a look into one. */
import { follow, put } from './following';

export interface Line {
  id: string;
  at: number;
  title: string;
  host: string;
  people: string;
  waiting: string;
  since: string;
  agent: string;
  /** Words of plugins, and whether they tell of trouble. */
  signs: [string, boolean][];
  weak: string;
  /** The LiveKit server, where there are several. */
  node: string;
}

/** `all`: these are all there are; else those that have changed, and which have gone. */
export interface News {
  all: boolean;
  rows: Line[];
  gone: string[];
  total: string;
}

const TEXTS = ['title', 'host', 'people', 'waiting', 'since', 'agent', 'weak', 'node'] as const;

function newLine(page: ParentNode, id: string): HTMLElement {
  const template = page.querySelector<HTMLTemplateElement>('template[data-line]')!;
  const made = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
  made.dataset.lecture = id;
  made.querySelector('[data-link]')?.setAttribute('href', `/admin/live/${encodeURIComponent(id)}`);
  return made;
}

/** The newest stand first, wherever they come from. */
function place(list: Element, line: HTMLElement, at: number) {
  line.dataset.at = String(at);
  const after = [...list.children].find((other) => Number((other as HTMLElement).dataset.at) < at);
  list.insertBefore(line, after ?? null);
}

function showSigns(line: Element, signs: Line['signs']) {
  const made = signs.map(([words, isTrouble]) => {
    const badge = document.createElement('span');
    badge.className = isTrouble ? 'badge badge-warn' : 'badge';
    badge.textContent = words;
    return badge;
  });
  line.querySelector('[data-signs]')?.replaceChildren(...made);
}

const linesOf = (list: Element) =>
  new Map([...list.children].map((line) => [(line as HTMLElement).dataset.lecture ?? '', line as HTMLElement]));

export function show(page: HTMLElement, news: News) {
  const list = page.querySelector('[data-rows]')!;
  const known = linesOf(list);
  const stays = new Set(news.rows.map((row) => row.id));
  for (const id of news.all ? known.keys() : news.gone) {
    if (!news.all || !stays.has(id)) known.get(id)?.remove();
  }
  for (const row of news.rows) {
    const line = known.get(row.id) ?? newLine(page, row.id);
    for (const name of TEXTS) put(line, name, row[name]);
    showSigns(line, row.signs);
    if (!line.isConnected) place(list, line, row.at);
  }
  put(page, 'total', news.total);
  page.querySelector<HTMLElement>('[data-list]')!.hidden = !list.children.length;
  page.querySelector<HTMLElement>('[data-none]')!.hidden = Boolean(list.children.length);
}

export function showCut(page: ParentNode, isCut: boolean) {
  const words = page.querySelector<HTMLElement>('[data-cut]');
  if (words) words.hidden = !isCut;
}

/** Whether one lecture has changed or gone; of the first message only, whether it is there. */
export function concerns(id: string, news: News): 'changed' | 'gone' | 'nothing' {
  const isListed = news.rows.some((row) => row.id === id);
  if (news.gone.includes(id) || (news.all && !isListed)) return 'gone';
  return isListed ? 'changed' : 'nothing';
}

function followAll(page: HTMLElement) {
  follow<News>(
    '/ws/live',
    (news) => {
      showCut(page, false);
      show(page, news);
    },
    () => showCut(page, true),
  );
}

function followOne(id: string) {
  follow<News>('/ws/live', (news) => {
    const what = concerns(id, news);
    if (what === 'gone') location.reload();
    // With the first message too: after a break the page may be old.
    else if (what === 'changed') document.getElementById('live-facts')?.dispatchEvent(new Event('changed'));
  });
}

const monitor = document.querySelector<HTMLElement>('[data-live-monitor]');
if (monitor) followAll(monitor);
const one = document.querySelector<HTMLElement>('[data-live-lecture]')?.dataset.liveLecture;
if (one) followOne(one);
